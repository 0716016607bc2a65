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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decode::{Fault, Flags},
        names::poll::POLL,
    };

    const PTR: u64 = 0x7fff_1234_8000_0007;
    const LOW: u64 = 0x8000_0007;

    fn info(members: Members) -> Siginfo {
        Siginfo { signo: 34, written_signo: None, rest: None, code: 1, errno: 0, members }
    }

    fn may_be(sent: Members, taken: Members) -> bool {
        Content::Info(info(sent)).may_be(&info(taken))
    }

    fn value(ptr: u64) -> Sigval {
        Sigval { int: (ptr as u32).cast_signed(), ptr }
    }

    #[test]
    fn what_32_bit_callers_see_is_the_same() {
        let rt = |ptr| Members::Rt { pid: 900, uid: 1000, value: value(ptr) };
        let poll = |bits| Members::Poll { band: Flags { table: &POLL, bits }, fd: 3 };
        let fault = |addr| Members::Fault { addr, detail: Fault::Plain };
        let timer = |ptr| Members::Timer { timerid: 3, overrun: 0, value: value(ptr) };
        for of in [&rt as &dyn Fn(u64) -> Members, &poll, &fault, &timer] {
            assert!(may_be(of(PTR), of(PTR)) && may_be(of(PTR), of(LOW)));
            assert!(!may_be(of(LOW), of(PTR)) && !may_be(of(PTR), of(8)));
        }
    }

    #[test]
    fn what_is_known_only_later_or_by_few_is_not_compared() {
        let timer = |overrun| Members::Timer { timerid: 3, overrun, value: value(7) };
        assert!(may_be(timer(0), timer(5)));
        let child = |status, utime| Members::Child { pid: 900, uid: 1000, status, utime, stime: 0 };
        assert!(may_be(child(9, i64::MAX), child(9, -1)) && !may_be(child(9, 1), child(15, 1)));
        // A child that is told of by another signal.
        let band = Flags { table: &POLL, bits: 900 | 1000 << 32 };
        assert!(may_be(child(9, 1), Members::Poll { band, fd: 9 }));
        let call = |syscall, call_addr| Members::Sys { call_addr, syscall, arch: 0xc000_003e };
        assert!(may_be(call(110, PTR), call(110, 0)) && !may_be(call(110, 0), call(39, 0)));
        assert!(!may_be(timer(0), child(9, 1)));
    }

    #[test]
    fn another_code_or_errno_is_another_signal() {
        let sent = info(Members::Kill { pid: 900, uid: 1000 });
        let content = Content::Info(sent);
        assert!(content.may_be(&sent));
        assert!(!content.may_be(&Siginfo { code: 0, ..sent }));
        assert!(!content.may_be(&Siginfo { errno: 5, ..sent }));
        assert!(!content.may_be(&info(Members::Kill { pid: 900, uid: 0 })));
    }
}
