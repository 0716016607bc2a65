//! A process, as records of signals name it.

use core::mem::{offset_of, size_of};

/// A process and one of its threads. Native byte order, no padding. Ids are those of the initial namespaces,
/// but for the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Thread {
    /// When it began, in nanoseconds of `CLOCK_BOOTTIME`: `task_struct.start_boottime` of its first thread.
    pub start_ns: u64,
    /// The name of its first thread, NUL-padded.
    pub comm: [u8; 16],
    /// Its process id.
    pub pid: u32,
    /// The thread's id.
    pub tid: u32,
    /// Its parent's process id.
    pub ppid: u32,
    /// The thread's real user id.
    pub uid: u32,
    /// Likewise, the group's.
    pub gid: u32,
    /// Its process id in its own pid namespace; 0 if that is the initial one, or if that is not known.
    pub ns_pid: u32,
    /// With [`select::CONTEXT`](crate::select::CONTEXT), how often it and those that it descends from had
    /// executed something (`task_struct.self_exec_id`); else 0.
    pub execs: u32,
    /// Zero.
    pub reserved: u32,
    /// With [`select::CONTEXT`](crate::select::CONTEXT), the id of the thread's cgroup in the version 2 hierarchy; else
    /// 0.
    pub cgroup: u64,
}

const _: () = {
    assert!(offset_of!(Thread, start_ns) == 0);
    assert!(offset_of!(Thread, comm) == 8);
    assert!(offset_of!(Thread, pid) == 24);
    assert!(offset_of!(Thread, tid) == 28);
    assert!(offset_of!(Thread, ppid) == 32);
    assert!(offset_of!(Thread, uid) == 36);
    assert!(offset_of!(Thread, gid) == 40);
    assert!(offset_of!(Thread, ns_pid) == 44);
    assert!(offset_of!(Thread, execs) == 48);
    assert!(offset_of!(Thread, reserved) == 52);
    assert!(offset_of!(Thread, cgroup) == 56);
    assert!(size_of::<Thread>() == 64);
};
