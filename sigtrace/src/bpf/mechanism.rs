//! Which mechanism a syscall is probed by.

use sigtrace_common::Syscall;

/// How a syscall is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// A kprobe and a kretprobe.
    Kprobe,
    /// A kprobe, and for the return both a kretprobe and a trampoline with fexit programs:
    /// whichever sees it first. The one has few slots, of which each sleeping caller holds one;
    /// the other is skipped now and then on a kernel that preempts itself (see `misses.rs`).
    KprobeFexit,
    /// A trampoline with an fentry and an fexit program.
    Fentry,
    /// Not at all: the running kernel has no such function.
    Unsupported,
}

impl Mechanism {
    /// Every mechanism.
    pub const ALL: [Self; 4] = [Self::Kprobe, Self::KprobeFexit, Self::Fentry, Self::Unsupported];

    /// The name used in events and listings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kprobe => "kprobe",
            Self::KprobeFexit => "kprobe+fexit",
            Self::Fentry => "fentry",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Which mechanism is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Trampolines for the returns of calls that sleep, as kretprobes lose them: there are few
    /// slots, and each sleeping caller holds one. Pairs for the others, whose slots are soon free.
    #[default]
    Auto,
    /// Pairs for all.
    Kprobe,
    /// Trampolines for all, calls that sleep being entered by a kprobe as well.
    Fentry,
}

impl Policy {
    /// What is wanted for `syscall`, if the kernel has it.
    ///
    /// Where a call sleeps the cost of its probes does not count, so that it is entered by a
    /// kprobe, which is not skipped as a trampoline's program can be (but see
    /// [`misses`](super::misses)): whatever becomes of its return, the call is told of.
    pub fn wanted(self, syscall: &Syscall) -> Mechanism {
        match self {
            Self::Kprobe => Mechanism::Kprobe,
            Self::Auto | Self::Fentry if syscall.blocks => Mechanism::KprobeFexit,
            Self::Auto => Mechanism::Kprobe,
            Self::Fentry => Mechanism::Fentry,
        }
    }
}
