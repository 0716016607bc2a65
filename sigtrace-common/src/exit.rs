//! What is told of a process that ends by a signal.

use core::mem::{offset_of, size_of};

use crate::Header;

/// A process that ended by a signal: a record of the kind [`Exit`](crate::RecordKind::Exit). Native byte order,
/// no padding. Ids are those of the initial namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Exit {
    /// What every record begins with.
    pub header: Header,
    /// When its last thread ended, in nanoseconds of `CLOCK_BOOTTIME`.
    pub time_ns: u64,
    /// When it began, on the same clock: `task_struct.start_boottime` of its first thread.
    pub start_ns: u64,
    /// With [`select::CONTEXT`](crate::select::CONTEXT), the id of its last thread's cgroup in the version 2 hierarchy;
    /// else 0.
    pub cgroup: u64,
    /// The name of its first thread, NUL-padded.
    pub comm: [u8; 16],
    /// Its process id.
    pub pid: u32,
    /// Its parent's.
    pub ppid: u32,
    /// The real user id of its last thread.
    pub uid: u32,
    /// Likewise, the group's.
    pub gid: u32,
    /// How it ended, as `wait4(2)` tells: the signal in the lowest seven bits, and [`CORE`](Self::CORE).
    pub status: u32,
    /// With [`select::CONTEXT`](crate::select::CONTEXT), how often it and those that it descends from had
    /// executed something (`task_struct.self_exec_id`); else 0.
    pub execs: u32,
    /// When the signal was sent that ended it, in nanoseconds of `CLOCK_BOOTTIME`:
    /// [`Generate::time_ns`](crate::Generate::time_ns); 0 if that is not known.
    pub fatal_ns: u64,
    /// The number of the system call that its last thread was in; [`NO_CALL`](crate::NO_CALL) if in none.
    pub number: u32,
    /// The [`Abi`](crate::Abi)'s number of that.
    pub abi: u8,
    /// Why it ended, as far as that is known: bits of [`ending`].
    pub ending: u8,
    /// Zero.
    pub reserved: u16,
}

/// Why a process ended: bits of [`Exit::ending`].
pub mod ending {
    /// No signal was seen to end it, and would have been.
    pub const BY_NO_SIGNAL: u8 = 1 << 0;
    /// Its last thread's system calls are filtered (`SECCOMP_MODE_FILTER`), or all but a few are forbidden
    /// (`SECCOMP_MODE_STRICT`).
    pub const SECCOMP: u8 = 1 << 1;
}

impl Exit {
    /// The signal in [`status`](Self::status) (`WTERMSIG`).
    pub const SIGNAL: u32 = 0x7f;
    /// The bit of [`status`](Self::status) that says that memory was dumped (`WCOREDUMP`).
    pub const CORE: u32 = 0x80;
}

const _: () = {
    assert!(offset_of!(Exit, time_ns) == 8);
    assert!(offset_of!(Exit, start_ns) == 16);
    assert!(offset_of!(Exit, cgroup) == 24);
    assert!(offset_of!(Exit, comm) == 32);
    assert!(offset_of!(Exit, pid) == 48);
    assert!(offset_of!(Exit, ppid) == 52);
    assert!(offset_of!(Exit, uid) == 56);
    assert!(offset_of!(Exit, gid) == 60);
    assert!(offset_of!(Exit, status) == 64);
    assert!(offset_of!(Exit, execs) == 68);
    assert!(offset_of!(Exit, fatal_ns) == 72);
    assert!(offset_of!(Exit, number) == 80);
    assert!(offset_of!(Exit, abi) == 84);
    assert!(offset_of!(Exit, ending) == 85);
    assert!(offset_of!(Exit, reserved) == 86);
    assert!(size_of::<Exit>() == 88);
};
