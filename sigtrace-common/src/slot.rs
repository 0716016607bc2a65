//! The slot: where a thread's call is kept from its entry to its return.

use core::mem::{offset_of, size_of};

use crate::{DATA_SIZE, Header, MAX_ARGS, Record, State};

/// An element of the map `SLOTS`, by the low bits of a thread id. Native byte order, no padding;
/// four cache lines, so that neighbours share none.
///
/// A thread that enters a call claims a slot, and gives it up at the return. Only the thread whose
/// claim was the first touches the rest of it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Slot {
    /// The call. It is under way if its state is [`State::Entered`](crate::State::Entered).
    pub record: Record,
    /// How many threads claim the slot. The one that made this 1 has it; others take their claim
    /// back and look elsewhere.
    pub claims: u32,
    /// How many threads whose slot this would be have one in `OVERFLOW`, as this one was taken.
    pub displaced: u32,
    /// The agent's: `entered_ns` of the call of which it has told already, as unfinished.
    pub told_ns: u64,
    /// Its key in the map `OVERFLOW`, whose slots nobody claims; 0 if it is not there.
    pub elsewhere: u32,
    /// Where the call was entered: its [`point_number`](crate::point_number).
    pub point: u32,
    /// The lower half of the address that the record had in the ring last.
    pub room: u32,
    /// How often the thread had given up its processor when the call was entered (`task_struct.nvcsw`),
    /// where an input was not resident.
    pub switches: u32,
    /// 1 if no other thread had the thread's memory then.
    pub was_alone: u32,
    /// The user whose share of the ring is used up, where it was looked at.
    pub charged: u32,
    /// Nothing.
    pub unused: [u32; 2],
}

const _: () = {
    assert!(offset_of!(Slot, record) == 0);
    assert!(offset_of!(Slot, claims) == 208);
    assert!(offset_of!(Slot, displaced) == 212);
    assert!(offset_of!(Slot, told_ns) == 216);
    assert!(offset_of!(Slot, elsewhere) == 224);
    assert!(offset_of!(Slot, point) == 228);
    assert!(offset_of!(Slot, room) == 232);
    assert!(offset_of!(Slot, switches) == 236);
    assert!(offset_of!(Slot, was_alone) == 240);
    assert!(offset_of!(Slot, charged) == 244);
    assert!(size_of::<Slot>() == 256);
};

/// In a key of `OVERFLOW`, beside the thread id, if its call is one in which callers may wait: who looks
/// for calls that take too long then need not look at it. No thread has an id this large
/// (`PID_MAX_LIMIT`, `include/linux/threads.h`).
pub const WAITS: u32 = 1 << 31;

/// A slot that no thread has.
pub const EMPTY_SLOT: Slot = Slot {
    record: Record {
        header: Header { kind: 0, version: 0, length: 0, cpu: 0, more: 0 },
        entered_ns: 0,
        duration_ns: 0,
        ret: 0,
        args: [0; MAX_ARGS],
        cgroup: 0,
        tid: 0,
        pid: 0,
        uid: 0,
        gid: 0,
        ppid: 0,
        target: 0,
        comm: [0; 16],
        syscall: 0,
        abi: 0,
        state: State::Idle as u8,
        captures: [0; MAX_ARGS],
        undecided: 0,
        ns_pid: 0,
        ns_tid: 0,
        caller: 0,
        data: [0; DATA_SIZE],
    },
    claims: 0,
    displaced: 0,
    told_ns: 0,
    elsewhere: 0,
    point: 0,
    room: 0,
    switches: 0,
    was_alone: 0,
    charged: 0,
    unused: [0; 2],
};
