//! Calls that were merged (`sigtrace_common::crowd`).

use sigtrace_common::{
    Outcome, SYSCALLS, Syscall,
    crowd::{Entry, alike},
};

use super::{Comm, DecodeError, WallClock};
use crate::names::errno;

/// Calls of one process that were merged into one event: the same syscall, by the same user, naming the
/// same signal and returning the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The number of the event. Decoding leaves it 0, as only who prints can count.
    pub seq: u64,
    /// The syscall's row.
    pub syscall: &'static Syscall,
    /// The signal that they name, valid or not, if they name one.
    pub signal: Option<i32>,
    /// Calling process, in the initial pid namespace.
    pub pid: u32,
    /// The name of the thread that called first.
    pub comm: Comm,
    /// Their real user id, in the initial user namespace.
    pub uid: u32,
    /// What they returned, if they return anything.
    pub ret: Option<i64>,
    /// Wall clock when the first was entered, in nanoseconds since 1970 (UTC).
    pub first_ns: u64,
    /// Wall clock when the last was entered.
    pub last_ns: u64,
    /// How many there are.
    pub count: u64,
}

impl Repeated {
    /// The error they returned, if they did.
    pub fn errno(&self) -> Option<u16> {
        self.ret.and_then(errno::of)
    }
}

/// Decodes what the programs keep of merged calls.
///
/// # Errors
///
/// When there is no such syscall.
pub fn repeated(entry: &Entry, clock: WallClock) -> Result<Repeated, DecodeError> {
    // The mask leaves 16 bits.
    let row = (entry.alike.what & alike::ROW) as u16;
    let syscall = SYSCALLS.get(usize::from(row)).ok_or(DecodeError::UnknownSyscall(row))?;
    let has_signal = entry.alike.what & alike::HAS_SIGNAL != 0;
    let ret = match syscall.outcome {
        Outcome::Nothing => None,
        // The caller has no room for the rest.
        Outcome::Mask => Some(entry.alike.ret & i64::from(u32::MAX)),
        _ => Some(entry.alike.ret),
    };
    Ok(Repeated {
        seq: 0,
        syscall,
        signal: has_signal.then_some(entry.alike.signal),
        pid: entry.alike.pid,
        comm: Comm(entry.comm),
        uid: entry.alike.uid,
        ret,
        first_ns: clock.unix_ns(entry.first_ns),
        // Another processor may have been first with what is in the entry.
        last_ns: clock.unix_ns(entry.last_ns.max(entry.first_ns)),
        count: entry.count,
    })
}

#[cfg(test)]
mod tests {
    use sigtrace_common::{crowd::Alike, find};

    use super::*;

    const CLOCK: WallClock = WallClock { offset_ns: 100 };

    fn entry(syscall: &str, more: u32) -> Entry {
        let row = u32::try_from(find(syscall).unwrap().0).unwrap();
        let what = row | alike::USED | more;
        Entry {
            alike: Alike { pid: 900, uid: 1000, what, signal: 28, ret: -1 },
            count: 3,
            first_ns: 5,
            last_ns: 9,
            comm: *b"flood\0\0\0\0\0\0\0\0\0\0\0",
            charged: 1000,
            claims: 1,
            ..Entry::default()
        }
    }

    #[test]
    fn merged_calls_are_what_they_have_in_common() {
        let entry = entry("kill", alike::HAS_SIGNAL);
        assert_eq!(
            repeated(&entry, CLOCK),
            Ok(Repeated {
                seq: 0,
                syscall: find("kill").unwrap().1,
                signal: Some(28),
                pid: 900,
                comm: Comm(entry.comm),
                uid: 1000,
                ret: Some(-1),
                first_ns: 105,
                last_ns: 109,
                count: 3,
            })
        );
        assert_eq!(repeated(&entry, CLOCK).unwrap().errno(), Some(1));
    }

    #[test]
    fn a_call_without_a_signal_or_a_result_has_none() {
        assert_eq!(repeated(&entry("pause", 0), CLOCK).unwrap().signal, None);
        assert_eq!(repeated(&entry("rt_sigreturn", 0), CLOCK).unwrap().ret, None);
        assert_eq!(repeated(&entry("sgetmask", 0), CLOCK).unwrap().ret, Some(0xffff_ffff));
    }

    #[test]
    fn the_last_is_not_before_the_first() {
        let early = Entry { last_ns: 4, ..entry("kill", 0) };
        assert_eq!(repeated(&early, CLOCK).unwrap().last_ns, 105);
    }

    #[test]
    fn an_unknown_syscall_is_refused() {
        let entry = entry("kill", alike::ROW);
        assert_eq!(repeated(&entry, CLOCK), Err(DecodeError::UnknownSyscall(0xffff)));
    }
}
