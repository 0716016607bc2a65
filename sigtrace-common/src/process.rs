//! What is told of processes that come, go and change, so that the agent knows who they are.

use core::mem::{offset_of, size_of};

use crate::Header;

/// A process that was created, executed something, or was moved to another control group: a record of the
/// kinds [`Fork`](crate::RecordKind::Fork), [`Exec`](crate::RecordKind::Exec) and
/// [`Move`](crate::RecordKind::Move). Native byte order, no padding. Ids are those of the initial namespaces.
///
/// After it come, one after the other, the names that the path of the executable consists of, from the last
/// to the first, each with a NUL behind it; the path of a script, with a NUL; the names of the path of the
/// control group, like the first; the arguments, as they are in the memory of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Process {
    /// What every record begins with.
    pub header: Header,
    /// When it happened, in nanoseconds of `CLOCK_BOOTTIME`.
    pub time_ns: u64,
    /// When the process began, on the same clock: `task_struct.start_boottime` of its first thread.
    pub start_ns: u64,
    /// Likewise, its parent. Without a meaning in a move.
    pub parent_start_ns: u64,
    /// Likewise, the process that created it, of which it is a copy. With a meaning in a fork only.
    pub creator_start_ns: u64,
    /// The id of its cgroup in the version 2 hierarchy.
    pub cgroup: u64,
    /// How many bytes of arguments there are, each with its NUL.
    pub args_total: u64,
    /// The name of its first thread, NUL-padded.
    pub comm: [u8; 16],
    /// Its process id.
    pub pid: u32,
    /// Its parent's; 0 if it has none.
    pub ppid: u32,
    /// The id of the process that created it.
    pub creator: u32,
    /// How often it and those that it descends from have executed something: `task_struct.self_exec_id`.
    pub execs: u32,
    /// Who logged in; [`UNKNOWN_UID`](Self::UNKNOWN_UID) if nobody has, or the kernel does not say.
    pub loginuid: u32,
    /// Its session: the process id of the session's leader.
    pub session: u32,
    /// Its process id in its own pid namespace; 0 if that is the initial one.
    pub ns_pid: u32,
    /// Bits of the associated constants.
    pub flags: u32,
    /// The bytes of the path of the executable, …
    pub exe_length: u16,
    /// … of that of the script, …
    pub script_length: u16,
    /// … of that of the control group, …
    pub cgroup_length: u16,
    /// … and of the arguments.
    pub args_length: u16,
}

impl Process {
    /// The [`loginuid`](Self::loginuid) of a process that nobody logged in for (`INVALID_UID`).
    pub const UNKNOWN_UID: u32 = u32::MAX;
    /// A bit of [`flags`](Self::flags): the path of the executable is there from its beginning.
    pub const EXE: u32 = 1 << 0;
    /// The executable has no name any more, or never had one.
    pub const EXE_DELETED: u32 = 1 << 1;
    /// The path of the control group is there from its beginning. In a fork, if it is not there at all, the
    /// control group is that of the creator.
    pub const CGROUP: u32 = 1 << 2;
    /// The arguments could be read, as many as there is room for.
    pub const ARGS: u32 = 1 << 3;
    /// The script's path is there as a whole.
    pub const SCRIPT: u32 = 1 << 4;
}

/// Room for the names of an executable's path.
pub const EXE_ROOM: usize = 1024;
/// Room for a script's path.
pub const SCRIPT_ROOM: usize = 512;
/// Room for the names of a control group's path.
pub const CGROUP_ROOM: usize = 1024;
/// Room for arguments.
pub const ARGS_ROOM: usize = 2048;
/// No name in a path is longer, with its NUL (`NAME_MAX`).
pub const NAME_ROOM: usize = 256;

/// A process that is over: a record of the kind [`End`](crate::RecordKind::End). Likewise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct End {
    /// What every record begins with.
    pub header: Header,
    /// When its last thread ended.
    pub time_ns: u64,
    /// When it began.
    pub start_ns: u64,
    /// Its process id.
    pub pid: u32,
    /// Zero.
    pub reserved: u32,
}

/// A process whose first thread has another name: a record of the kind
/// [`Rename`](crate::RecordKind::Rename). Likewise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Rename {
    /// What every record begins with.
    pub header: Header,
    /// When it began.
    pub start_ns: u64,
    /// The name, NUL-padded.
    pub comm: [u8; 16],
    /// Its process id.
    pub pid: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = {
    assert!(offset_of!(Process, time_ns) == 8);
    assert!(offset_of!(Process, start_ns) == 16);
    assert!(offset_of!(Process, parent_start_ns) == 24);
    assert!(offset_of!(Process, creator_start_ns) == 32);
    assert!(offset_of!(Process, cgroup) == 40);
    assert!(offset_of!(Process, args_total) == 48);
    assert!(offset_of!(Process, comm) == 56);
    assert!(offset_of!(Process, pid) == 72);
    assert!(offset_of!(Process, ppid) == 76);
    assert!(offset_of!(Process, creator) == 80);
    assert!(offset_of!(Process, execs) == 84);
    assert!(offset_of!(Process, loginuid) == 88);
    assert!(offset_of!(Process, session) == 92);
    assert!(offset_of!(Process, ns_pid) == 96);
    assert!(offset_of!(Process, flags) == 100);
    assert!(offset_of!(Process, exe_length) == 104);
    assert!(offset_of!(Process, script_length) == 106);
    assert!(offset_of!(Process, cgroup_length) == 108);
    assert!(offset_of!(Process, args_length) == 110);
    assert!(size_of::<Process>() == 112);
    assert!(offset_of!(End, time_ns) == 8);
    assert!(offset_of!(End, start_ns) == 16);
    assert!(offset_of!(End, pid) == 24);
    assert!(offset_of!(End, reserved) == 28);
    assert!(size_of::<End>() == 32);
    assert!(offset_of!(Rename, start_ns) == 8);
    assert!(offset_of!(Rename, comm) == 16);
    assert!(offset_of!(Rename, pid) == 32);
    assert!(offset_of!(Rename, reserved) == 36);
    assert!(size_of::<Rename>() == 40);
};
