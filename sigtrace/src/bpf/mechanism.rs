//! Which mechanism a syscall is probed by.

use sigtrace_common::{Abi, Hook, Syscall};

use super::features::Features;
use crate::arch::NATIVE;

/// How a syscall is probed. Later ones miss less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// Not at all: the running kernel has no such function.
    Unsupported,
    /// A kprobe and a kretprobe.
    Kprobe,
    /// A trampoline with an fentry and an fexit program.
    Fentry,
    /// A kprobe, and for the return an fexit program.
    KprobeFexit,
    /// A program for the entries of many functions, and an fexit program for each return.
    Multi,
    /// A program for the entries and the returns of many functions.
    Session,
}

impl Mechanism {
    /// Every mechanism.
    pub const ALL: [Self; 6] = [
        Self::Kprobe,
        Self::KprobeFexit,
        Self::Multi,
        Self::Session,
        Self::Fentry,
        Self::Unsupported,
    ];

    /// The name used in events and listings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kprobe => "kprobe",
            Self::KprobeFexit => "kprobe+fexit",
            Self::Multi => "kprobe.multi+fexit",
            Self::Session => "kprobe.session",
            Self::Fentry => "fentry",
            Self::Unsupported => "unsupported",
        }
    }

    /// Whether it sees returns by a trampoline.
    pub(super) fn has_fexit(self) -> bool {
        matches!(self, Self::KprobeFexit | Self::Multi | Self::Fentry)
    }
}

/// Which mechanism is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// For each call the one that loses none and no return; of those the cheapest; of those the
    /// quickest to attach.
    #[default]
    Auto,
    /// Pairs for all.
    Kprobe,
    /// kprobe.multi for all entries.
    Multi,
    /// kprobe.session for all.
    Session,
    /// Trampolines for all but the calls that sleep.
    Fentry,
}

impl Policy {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kprobe => "kprobe",
            Self::Multi => "kprobe.multi",
            Self::Session => "kprobe.session",
            Self::Fentry => "fentry",
        }
    }

    /// What is wanted for the calls of `syscall` by callers like these, on a kernel that has these
    /// features.
    pub(super) fn wanted(self, syscall: &Syscall, abi: Abi, features: &Features) -> Mechanism {
        match self {
            Self::Auto => {
                let alone = matches!(syscall.hook, Hook::Function(_));
                auto(features, alone || syscall.is_frequent() && abi == NATIVE)
            }
            Self::Kprobe => Mechanism::Kprobe,
            Self::Multi => Mechanism::Multi,
            Self::Session => Mechanism::Session,
            Self::Fentry if syscall.blocks => auto(features, true),
            Self::Fentry => Mechanism::Fentry,
        }
    }
}

/// In this order: no call and no return is lost, it is cheap, it is attached quickly; where calls are
/// rare the last two are the other way round.
pub(super) fn auto(features: &Features, frequent: bool) -> Mechanism {
    // Programs that serve many functions know which by typed pointers.
    let many = features.access != 0;
    if many && features.session && features.unlimited {
        Mechanism::Session
    } else if !features.trampolines {
        Mechanism::Kprobe
    } else if many && features.multi && (!frequent || features.loses_by_trampolines()) {
        Mechanism::Multi
    } else if !features.loses_by_trampolines() {
        Mechanism::Fentry
    } else {
        Mechanism::KprobeFexit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sigtrace_common::access;

    /// As Debian configures them.
    const LINUX_5_10: Features = Features {
        access: 0,
        multi: false,
        session: false,
        unlimited: false,
        direct: true,
        trampolines: true,
        skips: false,
        preempts: false,
    };
    const LINUX_6_1: Features = Features { access: access::TASK, skips: true, ..LINUX_5_10 };
    const LINUX_6_12: Features = Features { multi: true, session: true, ..LINUX_6_1 };
    const LINUX_7: Features = Features { unlimited: true, preempts: true, ..LINUX_6_12 };

    #[test]
    fn each_kernel_has_the_one_that_loses_nothing_and_is_cheapest() {
        for (features, frequent, rare) in [
            (LINUX_5_10, "fentry", "fentry"),
            (LINUX_6_1, "fentry", "fentry"),
            (LINUX_6_12, "fentry", "kprobe.multi+fexit"),
            (LINUX_7, "kprobe.session", "kprobe.session"),
        ] {
            let names = [true, false].map(|is_frequent| auto(&features, is_frequent).name());
            assert_eq!(names, [frequent, rare], "{features:?}");
        }
    }

    #[test]
    fn trampolines_that_are_skipped_are_for_returns_only() {
        let preempting = Features { preempts: true, ..LINUX_6_12 };
        assert_eq!(auto(&preempting, true).name(), "kprobe.multi+fexit");
        let preempting = Features { preempts: true, ..LINUX_6_1 };
        assert_eq!(auto(&preempting, true).name(), "kprobe+fexit");
        // Before 5.12 none was skipped.
        let preempting = Features { preempts: true, ..LINUX_5_10 };
        assert_eq!(auto(&preempting, true).name(), "fentry");
    }

    #[test]
    fn without_types_or_safe_trampolines_there_are_pairs() {
        assert_eq!(auto(&Features::default(), true).name(), "kprobe");
        let unsafe_ones = Features { trampolines: false, ..LINUX_5_10 };
        assert_eq!(auto(&unsafe_ones, true).name(), "kprobe");
    }
}
