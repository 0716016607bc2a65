//! What this machine lets sigtrace do.

use super::{
    Mechanism, Policy, features::Features, machine::Machine, mechanism::auto, offsets,
    plan::lacking,
};

/// What can be done, going by what the kernel says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// What `--probe` takes.
    pub mechanisms: Vec<&'static str>,
    /// By what calls are probed that programs make all the time, if nothing else is asked for.
    pub frequent: &'static str,
    /// By what the others are.
    pub rare: &'static str,
    /// What can be lost by that however little happens, by the names that the accounting has for it.
    pub may_lose: Vec<&'static str>,
    /// The kinds of events that `--events` takes.
    pub events: Vec<&'static str>,
    /// Whether `--context` is taken.
    pub context: bool,
}

/// Those of a machine.
pub(super) fn of(machine: &Machine) -> Abilities {
    let features = &machine.features;
    let [frequent, rare] = [true, false].map(|frequent| auto(features, frequent));
    let is_taken = |policy: &Policy| lacking(*policy, features).is_none();
    let policies = [Policy::Auto, Policy::Kprobe, Policy::Multi, Policy::Session, Policy::Fentry];
    let offsets = &machine.offsets;
    let kinds = [
        ("syscall", true),
        ("generate", offsets::tell_signals(offsets)),
        ("deliver", offsets::tell_signals(offsets)),
        ("exit", offsets::tell_exits(offsets)),
    ];
    let mut may_lose: Vec<_> =
        [frequent, rare].into_iter().filter_map(|by| loses(by, features)).collect();
    may_lose.dedup();
    Abilities {
        mechanisms: policies.iter().filter(|policy| is_taken(policy)).map(|p| p.name()).collect(),
        frequent: frequent.name(),
        rare: rare.name(),
        may_lose,
        events: kinds.iter().filter(|(_, told)| *told).map(|(name, _)| *name).collect(),
        context: offsets::tell_context(offsets),
    }
}

/// What a mechanism can lose on a kernel like this.
fn loses(by: Mechanism, features: &Features) -> Option<&'static str> {
    match by {
        Mechanism::Kprobe => Some("return_missed"),
        Mechanism::KprobeFexit | Mechanism::Multi if features.loses_by_trampolines() => {
            Some("return_missed")
        }
        Mechanism::Session if features.preempts => Some("probe_missed"),
        Mechanism::Fentry if features.loses_by_trampolines() => Some("probe_missed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_lost_depends_on_the_mechanism_and_on_preemption() {
        let calm = Features::default();
        let preempting = Features { skips: true, preempts: true, ..calm };
        let all = [
            Mechanism::Kprobe,
            Mechanism::KprobeFexit,
            Mechanism::Multi,
            Mechanism::Session,
            Mechanism::Fentry,
        ];
        let [missed, skipped] = [Some("return_missed"), Some("probe_missed")];
        assert_eq!(all.map(|by| loses(by, &calm)), [missed, None, None, None, None]);
        let lost = all.map(|by| loses(by, &preempting));
        assert_eq!(lost, [missed, missed, missed, skipped, skipped]);
    }
}
