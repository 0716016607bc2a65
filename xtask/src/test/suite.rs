//! What there is to run in guests.

use crate::arch::Arch;
use crate::setup::kernel::Version;

/// A test program and the guests it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suite {
    pub(super) name: &'static str,
    /// A program of the tests package.
    pub(super) program: &'static str,
    /// Those of the tested kernels that it runs on; `None` for all, and for any other that is asked for.
    pub(super) kernels: Option<&'static [&'static str]>,
    /// The architectures that it is for.
    pub(super) archs: &'static [Arch],
    /// Kernels of aarch64 that it runs on if no architecture is asked for: emulating all of both takes too long.
    pub(super) on_aarch64: &'static [&'static str],
    /// Runs on any kernel, if both are asked for by name.
    pub(super) on_any_by_name: bool,
    /// Needs systemd, and so the root image.
    pub(super) systemd: bool,
    /// Processors. One unless it needs more, as QEMU emulates several on as many threads, which wait for
    /// each other by turning around, and panics now and then: see `tests/src/processors.rs`.
    pub(super) smp: u32,
    pub(super) memory_mb: u32,
    /// On Debian's kernel for PCs, which has more built in than the one for clouds.
    pub(super) for_pcs: bool,
    /// For the kernel's command line.
    pub(super) options: &'static str,
    /// Runs only when it is asked for by name, as it takes its time.
    pub(super) only_by_name: bool,
    /// Modules that are about the agent, and not about the kernel below it: unless kernels are named they run
    /// on the oldest and the newest only.
    pub(super) of_the_agent: &'static [&'static str],
}

/// Such modules of the guest suite.
const OF_THE_AGENT: &[&str] = &[
    "bad_input",
    "blocked",
    "full_disk",
    "limited",
    "output",
    "pending",
    "strange_names",
    "terminal",
    "text",
    "types_file",
];

/// To detach a probe the kernel waits for several grace periods of RCU, one probe after the other. With
/// these they end sooner; nothing else of the kernel changes.
const EXPEDITED: &str =
    "rcupdate.rcu_expedited=1 rcutree.jiffies_till_first_fqs=0 rcutree.jiffies_till_next_fqs=0";

/// How long the floods of `shares` last. The tests of `smp` have shorter ones.
const FLOODS: &str = "flood.seconds=10";

/// The test holds all events of a flood, a million and a half of them where the machine is fast.
const MEMORY_FOR_EVENTS: u32 = 12 << 10;

/// The tests compare traces of all calls by each mechanism, and keep them: a hundred megabytes each.
const MEMORY_FOR_TRACES: u32 = 2 << 10;

/// Every architecture.
pub(super) const BOTH: &[Arch] = &[Arch::X86_64, Arch::Aarch64];

/// All suites.
pub(super) const SUITES: &[Suite] = &[
    Suite {
        memory_mb: MEMORY_FOR_TRACES,
        options: EXPEDITED,
        of_the_agent: OF_THE_AGENT,
        on_aarch64: &["6.12"],
        ..suite("guest", "guest-tests")
    },
    Suite { smp: 2, options: EXPEDITED, ..suite("smp", "smp-tests") },
    Suite {
        systemd: true,
        kernels: Some(&["6.12"]),
        on_any_by_name: true,
        ..suite("systemd", "systemd-tests")
    },
    Suite {
        systemd: true,
        archs: &[Arch::X86_64],
        kernels: Some(&["6.1", "6.12"]),
        ..suite("oracle", "oracle-tests")
    },
    Suite { smp: 4, ..suite("storm", "storm-tests") },
    Suite {
        smp: 4,
        kernels: Some(&["6.12"]),
        options: "preempt=full",
        // Debian's 6.12 of aarch64 cannot be told how to preempt.
        archs: &[Arch::X86_64],
        ..suite("preempt", "storm-tests")
    },
    Suite {
        kernels: Some(&["6.12"]),
        for_pcs: true,
        archs: &[Arch::X86_64],
        options: "syscall.x32=y",
        ..suite("x32", "x32-tests")
    },
    Suite {
        smp: 2,
        memory_mb: MEMORY_FOR_EVENTS,
        kernels: Some(&["6.12", "7"]),
        options: FLOODS,
        only_by_name: true,
        ..suite("flood2", "smp-tests")
    },
    Suite {
        smp: 4,
        memory_mb: MEMORY_FOR_EVENTS,
        kernels: Some(&["6.12", "7"]),
        options: FLOODS,
        only_by_name: true,
        ..suite("flood4", "smp-tests")
    },
    Suite {
        smp: 2,
        memory_mb: 4096,
        kernels: Some(&["6.12", "7"]),
        options: EXPEDITED,
        only_by_name: true,
        ..suite("crowd", "crowd-tests")
    },
];

const fn suite(name: &'static str, program: &'static str) -> Suite {
    Suite {
        name,
        program,
        kernels: None,
        archs: BOTH,
        on_aarch64: &[],
        on_any_by_name: false,
        systemd: false,
        smp: 1,
        memory_mb: 1024,
        for_pcs: false,
        options: "",
        only_by_name: false,
        of_the_agent: &[],
    }
}

impl Suite {
    /// Whether it is to run when these are named, or none is.
    pub(super) fn is_among(&self, named: &[String]) -> bool {
        if named.is_empty() {
            !self.only_by_name
        } else {
            named.iter().any(|name| name == self.name)
        }
    }

    /// Whether it is for this kernel, which was asked for by name, when these suites are named.
    pub(super) fn is_for_named(&self, kernel: &Version, named: &[String]) -> bool {
        let is_named = named.iter().any(|name| name == self.name);
        self.is_for(kernel) || self.on_any_by_name && is_named
    }

    /// The modules of which this kernel runs no test, if no kernel was named.
    pub(super) fn skipped_on(&self, arch: Arch, kernel: &Version) -> &'static [&'static str] {
        let kernels = arch.tested();
        let is_at_an_end = [kernels.first(), kernels.last()]
            .into_iter()
            .flatten()
            .any(|end| *end == kernel.to_string());
        if is_at_an_end { &[] } else { self.of_the_agent }
    }

    /// Whether it is for this kernel.
    pub(super) fn is_for(&self, kernel: &Version) -> bool {
        self.kernels.is_none_or(|kernels| kernels.contains(&kernel.to_string().as_str()))
    }

    /// Whether it runs on this kernel though no architecture is asked for.
    pub(super) fn is_for_by_default(&self, arch: Arch, kernel: &Version) -> bool {
        match arch {
            Arch::X86_64 => self.is_for(kernel),
            Arch::Aarch64 => self.on_aarch64.contains(&kernel.to_string().as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_its_time_runs_when_it_is_named() {
        let crowd = Suite { only_by_name: true, ..suite("crowd", "crowd-tests") };
        let storm = suite("storm", "storm-tests");
        assert!(storm.is_among(&[]) && !crowd.is_among(&[]));
        assert!(!storm.is_among(&["crowd".into()]) && crowd.is_among(&["crowd".into()]));
    }

    #[test]
    fn what_is_about_the_agent_runs_on_the_oldest_and_the_newest_kernel() {
        let guest = Suite { of_the_agent: OF_THE_AGENT, ..suite("guest", "guest-tests") };
        let skipped = |suite: &Suite, arch: Arch| -> Vec<usize> {
            let kernels = arch.tested().iter().map(|name| name.parse().unwrap());
            kernels.map(|kernel| suite.skipped_on(arch, &kernel).len()).collect()
        };
        let count = OF_THE_AGENT.len();
        assert_eq!(skipped(&guest, Arch::X86_64), [0, count, count, 0]);
        assert_eq!(skipped(&guest, Arch::Aarch64), [0, count, 0]);
        assert_eq!(skipped(&suite("storm", "storm-tests"), Arch::Aarch64), [0, 0, 0]);
    }

    #[test]
    fn a_suite_for_some_kernels_runs_on_others_when_both_are_named() {
        let systemd =
            Suite { kernels: Some(&["6.12"]), on_any_by_name: true, ..suite("systemd", "") };
        let kernel = "5.10".parse().unwrap();
        assert!(systemd.is_for_named(&kernel, &["systemd".into()]));
        assert!(!systemd.is_for_named(&kernel, &[]) && !systemd.is_for(&kernel));
    }

    #[test]
    fn a_suite_for_all_kernels_is_for_any() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        let some = Suite { kernels: Some(&["6.1", "6.12"]), ..suite("oracle", "oracle-tests") };
        assert!(some.is_for(&version("6.12")) && !some.is_for(&version("7")));
        assert!(suite("storm", "storm-tests").is_for(&version("6.18")));
    }
}
