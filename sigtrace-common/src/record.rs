//! The record: what the kernel side hands to the agent for one call.

use core::mem::{offset_of, size_of};

use crate::{Header, SYSCALLS};

/// The most arguments a call of the table has.
pub const MAX_ARGS: usize = 4;

/// Offset of the captured structures in a record, and so its size without any.
pub const DATA_OFFSET: usize = 136;

/// Room for captured structures: what the call with the most of them needs.
pub const DATA_SIZE: usize = 72;

/// One call. Native byte order, no padding.
///
/// The kernel side fills one of these per thread while a call is under way, and on its return
/// writes the first `DATA_OFFSET + SYSCALLS[syscall].data_size()` bytes into the ring; after a read
/// from a signalfd what was read follows. The agent treats what it reads there as untrusted bytes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Record {
    /// That of a [call](crate::RecordKind::Call). Its length has what was read from a signalfd, too. It says
    /// besides how many processes or threads the call has sent a signal to, plus 1; 0 if that is not counted,
    /// and the largest number if they are that many or more.
    pub header: Header,
    /// When the call was entered, in nanoseconds of `CLOCK_BOOTTIME` (`bpf_ktime_get_boot_ns`).
    pub entered_ns: u64,
    /// Nanoseconds from entry to return. Without a meaning unless the state is
    /// [`State::Returned`].
    pub duration_ns: u64,
    /// The kernel function's return value. Without a meaning unless the state is
    /// [`State::Returned`].
    pub ret: i64,
    /// The argument registers, as many as the call has arguments; the others have no meaning.
    /// Those of an `int` carry garbage in the upper half. A read from a signalfd has its own:
    /// the second is how many bytes the first of its buffers has, the third where that is.
    ///
    /// With [`select::CONTEXT`](crate::select::CONTEXT), a call that names a process has in the upper
    /// half of the first the [`tag`](crate::tag::tag) of that, in the upper half of the second its process id in
    /// the initial pid namespace; 0 if nobody is named, or it is not known who that is.
    pub args: [u64; MAX_ARGS],
    /// The id of the caller's cgroup in the version 2 hierarchy; that of the root in a version 1
    /// only system.
    pub cgroup: u64,
    /// Caller's thread id in the initial pid namespace.
    pub tid: u32,
    /// Caller's process id (thread group id) in the initial pid namespace.
    pub pid: u32,
    /// Caller's real user id, in the initial user namespace.
    pub uid: u32,
    /// Caller's real group id, in the initial user namespace.
    pub gid: u32,
    /// Process id of the caller's parent in the initial pid namespace; 0 if the running kernel
    /// does not say where to find it.
    pub ppid: u32,
    /// The process or thread behind a pidfd, or behind the number that a caller in a pid namespace
    /// of its own gave, in the initial pid namespace; a process group is negative. 0 if
    /// unknown.
    pub target: i32,
    /// Caller's thread name, NUL-terminated: bytes a user chose.
    pub comm: [u8; 16],
    /// Index into [`SYSCALLS`].
    pub syscall: u16,
    /// An [`Abi`](crate::Abi)'s number.
    pub abi: u8,
    /// A [`State`]'s number.
    pub state: u8,
    /// Per argument, a [`Capture`]'s number.
    pub captures: [u8; MAX_ARGS],
    /// What is still to be found out about the call: bits of [`undecided`].
    pub undecided: u32,
    /// Caller's process id in its own pid namespace; 0 if that is the initial one, or if the
    /// running kernel does not say where to find it.
    pub ns_pid: u32,
    /// Caller's thread id in its own pid namespace; 0 as above.
    pub ns_tid: u32,
    /// With [`select::CONTEXT`](crate::select::CONTEXT), the [`tag`](crate::tag::tag) of the calling process;
    /// else 0.
    pub caller: u32,
    /// The captured structures, argument after argument, each at a multiple of 8. Only what
    /// `captures` calls [`Capture::Whole`] has a meaning. In the record of a call that changes the
    /// mask, the mask before and after is at its end; it has a meaning if the state is
    /// [`State::Returned`] and the second is not [`UNKNOWN_MASK`](crate::UNKNOWN_MASK).
    pub data: [u8; DATA_SIZE],
}

const _: () = {
    assert!(offset_of!(Record, header) == 0);
    assert!(offset_of!(Record, entered_ns) == 8);
    assert!(offset_of!(Record, duration_ns) == 16);
    assert!(offset_of!(Record, ret) == 24);
    assert!(offset_of!(Record, args) == 32);
    assert!(offset_of!(Record, cgroup) == 64);
    assert!(offset_of!(Record, tid) == 72);
    assert!(offset_of!(Record, pid) == 76);
    assert!(offset_of!(Record, uid) == 80);
    assert!(offset_of!(Record, gid) == 84);
    assert!(offset_of!(Record, ppid) == 88);
    assert!(offset_of!(Record, target) == 92);
    assert!(offset_of!(Record, comm) == 96);
    assert!(offset_of!(Record, syscall) == 112);
    assert!(offset_of!(Record, abi) == 114);
    assert!(offset_of!(Record, state) == 115);
    assert!(offset_of!(Record, captures) == 116);
    assert!(offset_of!(Record, undecided) == 120);
    assert!(offset_of!(Record, ns_pid) == 124);
    assert!(offset_of!(Record, ns_tid) == 128);
    assert!(offset_of!(Record, caller) == 132);
    assert!(offset_of!(Record, data) == 136);
    assert!(size_of::<Record>() == 208);
    assert!(DATA_OFFSET == offset_of!(Record, data));

    let mut i = 0;
    while i < SYSCALLS.len() {
        assert!(SYSCALLS[i].args.len() <= MAX_ARGS);
        assert!(SYSCALLS[i].data_size() <= DATA_SIZE);
        assert!(!SYSCALLS[i].names_process() || SYSCALLS[i].begins_with_ints());
        i += 1;
    }
};

/// Bits of [`Record::undecided`], all of them the kernel side's while a call is under way.
pub mod undecided {
    use crate::side;

    /// The sides on which a selected process has still to turn up, as the call's target; the call
    /// counts only if all of them are settled.
    pub const SIDES: u32 = side::EITHER | side::TARGET;
    /// Whether a selected signal is in its set, which was not resident, or is among those that it blocks or
    /// unblocks; it counts only if one is.
    pub const SIGNAL: u32 = 1 << 8;
    /// Whether its descriptor is a pidfd, as the kernel will say; until then its target is a guess.
    pub const PIDFD: u32 = 1 << 9;
    /// Nothing is: the agent has told of the call as unfinished before it returned.
    pub const TOLD: u32 = 1 << 10;
    /// Nothing is: the agent makes the call itself. Never in the ring.
    pub const OWN: u32 = 1 << 11;
    /// What an input is that was not resident when the call began.
    pub const INPUT: u32 = 1 << 12;
    /// Whether io_uring reads again, later, as it does if there is nothing to read yet. Never in the ring.
    pub const TRY: u32 = 1 << 13;
}

/// How far the call of a record got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// No call: the thread's slot is free.
    Idle = 0,
    /// Entered, not yet returned. The agent sees it when it looks at the slots.
    Entered = 1,
    /// Entered and returned.
    Returned = 2,
    /// Entered; the return probe did not fire, as the thread's next call or its end showed.
    Missed = 3,
}

impl State {
    /// The state with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Idle),
            1 => Some(Self::Entered),
            2 => Some(Self::Returned),
            3 => Some(Self::Missed),
            _ => None,
        }
    }
}

/// What became of the structure behind a pointer argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Capture {
    /// Not read: no pointer, NULL, a wrong size argument, or an output of a call that failed.
    None = 0,
    /// Read.
    Whole = 1,
    /// The memory could not be read, or holds what the call wrote there.
    Unreadable = 2,
    /// Read when the call returned, by when others may have changed it: it need not be what the kernel
    /// read.
    Late = 3,
    /// A siginfo that was read, but is followed by more than zeros, which the kernel refused (E2BIG).
    Nonzero = 4,
    /// One that was read, but what follows it could not be, by the kernel either (EFAULT).
    Cut = 5,
    /// The caller did not ask for it, which of the structures that calls write is what was so before: an action.
    /// Taken from the kernel as the call began.
    Kept = 6,
}

impl Capture {
    /// The capture with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Whole),
            2 => Some(Self::Unreadable),
            3 => Some(Self::Late),
            4 => Some(Self::Nonzero),
            5 => Some(Self::Cut),
            6 => Some(Self::Kept),
            _ => None,
        }
    }
}
