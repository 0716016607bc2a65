//! Processes, as records name them (`sigtrace_common::Thread`).

use std::mem::offset_of;

use sigtrace_common::{self as common, tag::tag};

use super::{Comm, WallClock, bytes};

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id, in the initial pid namespace.
    pub pid: u32,
    /// Wall clock when it began, in nanoseconds since 1970 (UTC).
    pub start_ns: u64,
    /// The name of its first thread.
    pub comm: Comm,
    /// Its parent, if it has one.
    pub ppid: Option<u32>,
    /// Its real user id, in the initial user namespace.
    pub uid: u32,
    /// Likewise, its group's.
    pub gid: u32,
}

/// A thread of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The process.
    pub process: Process,
    /// The thread's id, in the initial pid namespace.
    pub tid: u32,
    /// The [tag](sigtrace_common::tag) of the process.
    pub tag: u32,
    /// The id of the thread's control group, if that was asked for.
    pub cgroup: Option<u64>,
}

/// What tells a signal that was sent from all others of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignalKey {
    /// The process that it was sent to.
    pub pid: u32,
    /// When, in nanoseconds of `CLOCK_BOOTTIME`.
    pub sent_ns: u64,
}

/// The thread that is written down at a place in a record; `None` if the record is too short.
pub(super) fn thread(record: &[u8], at: usize, clock: WallClock) -> Option<Thread> {
    let word = |offset: usize| bytes::u32(record, at + offset);
    let start_ns = bytes::u64(record, at + offset_of!(common::Thread, start_ns))?;
    Some(Thread {
        process: Process {
            pid: word(offset_of!(common::Thread, pid))?,
            start_ns: clock.unix_ns(start_ns),
            comm: Comm(bytes::array(record, at + offset_of!(common::Thread, comm))?),
            ppid: Some(word(offset_of!(common::Thread, ppid))?).filter(|pid| *pid != 0),
            uid: word(offset_of!(common::Thread, uid))?,
            gid: word(offset_of!(common::Thread, gid))?,
        },
        tid: word(offset_of!(common::Thread, tid))?,
        tag: tag(start_ns, word(offset_of!(common::Thread, execs))?),
        cgroup: Some(bytes::u64(record, at + offset_of!(common::Thread, cgroup))?)
            .filter(|id| *id != 0),
    })
}
