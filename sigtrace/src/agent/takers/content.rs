//! What comes with a signal, held against what its taker sees.
//!
//! It has to hold of any two that are of the same signal, through whatever interface that was taken. What is left
//! out of the comparison only makes it unknown more often which one it was.

use crate::decode::{Generate, Members, SentOutcome, Siginfo, Sigval};

/// What comes with a signal as it is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content {
    /// This.
    Info(Siginfo),
    /// What the kernel makes of one whose siginfo is lost: nobody's (`collect_signal`, `kernel/signal.c`).
    Lost,
    /// What the kernel makes of the sender's numbers, for a target in another namespace.
    OfSender,
}

/// `SI_USER`.
const SI_USER: i32 = 0;

impl Content {
    /// That of a signal.
    pub(super) fn of(generate: &Generate) -> Self {
        match (generate.outcome, generate.info) {
            (SentOutcome::InfoLost, _) => Self::Lost,
            (_, Some(info)) => Self::Info(info),
            (_, None) => Self::OfSender,
        }
    }

    /// Whether it can be that of a signal that was taken with this.
    pub(super) fn may_be(&self, taken: &Siginfo) -> bool {
        match self {
            Self::Info(sent) => is_same(sent, taken),
            Self::Lost => {
                taken.code == SI_USER && taken.members == Members::Kill { pid: 0, uid: 0 }
            }
            Self::OfSender => taken.code == SI_USER,
        }
    }
}

fn is_same(sent: &Siginfo, taken: &Siginfo) -> bool {
    sent.code == taken.code
        && sent.errno == taken.errno
        && has_same_members(&sent.members, &taken.members)
}

/// 32-bit callers see the low halves of words.
fn has_same_members(sent: &Members, taken: &Members) -> bool {
    let same = |sent: u64, taken: u64| sent == taken || sent & u64::from(u32::MAX) == taken;
    let same_value =
        |sent: Sigval, taken: Sigval| sent.int == taken.int && same(sent.ptr, taken.ptr);
    match (*sent, *taken) {
        (Members::Kill { .. }, Members::Kill { .. }) => sent == taken,
        (
            Members::Rt { pid, uid, value },
            Members::Rt { pid: taken_pid, uid: taken_uid, value: taken_value },
        ) => (pid, uid) == (taken_pid, taken_uid) && same_value(value, taken_value),
        // How often it ran out is found out as the signal is taken.
        (
            Members::Timer { timerid, value, .. },
            Members::Timer { timerid: taken_timerid, value: taken_value, .. },
        ) => timerid == taken_timerid && same_value(value, taken_value),
        (Members::Poll { band, fd }, Members::Poll { band: taken_band, fd: taken_fd }) => {
            fd == taken_fd && same(band.bits, taken_band.bits)
        }
        // The times have fewer bits, too.
        (
            Members::Child { pid, uid, status, .. },
            Members::Child { pid: taken_pid, uid: taken_uid, status: taken_status, .. },
        ) => (pid, uid, status) == (taken_pid, taken_uid, taken_status),
        (Members::Fault { addr, .. }, Members::Fault { addr: taken_addr, .. }) => {
            same(addr, taken_addr)
        }
        (
            Members::Sys { syscall, arch, .. },
            Members::Sys { syscall: taken_syscall, arch: taken_arch, .. },
        ) => (syscall, arch) == (taken_syscall, taken_arch),
        // Of a child that is told of by another signal than SIGCHLD, its taker cannot know what the members are.
        (Members::Child { .. }, _) => true,
        _ => false,
    }
}
