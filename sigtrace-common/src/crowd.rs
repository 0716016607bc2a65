//! Whose calls do not come through once the ring is filling: what the kernel side keeps of them until the
//! agent tells of them.
//!
//! While the ring is less than half full none of this is looked at. Beyond that, each user has a share of
//! what the agent frees; calls beyond it are merged where they are alike, and lost where that cannot be.

use core::mem::{offset_of, size_of};

/// In how many parts the ring is divided: an epoch is as long as the agent takes to free one. A user who is
/// alone leaves one to others.
pub const EPOCH_PARTS: u32 = 16;
const _: () = assert!(EPOCH_PARTS.is_power_of_two());

/// Users with a share of their own: root, and others by their ids less 1, modulo one less than this.
/// Beyond are those with the same remainder, who have one between them.
pub const SHARES: usize = 4096;

/// What a user has used of a share: an element of the map `SHARES`. Racy, as processors add to it
/// together: a few records more or less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Share {
    /// The epoch that this is about, by its low bits.
    pub epoch: u32,
    /// Bytes used in it.
    pub used: u32,
    /// Nothing.
    pub unused: [u32; 2],
}

/// How many users there are: the last element of that map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Users {
    /// How many are in an epoch, by its lowest two bits. Who is the first in it clears the next two.
    pub number: [u32; 4],
}

const _: () = assert!(size_of::<Share>() == size_of::<Users>());

/// What merged calls have in common, and lost ones that are counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Alike {
    /// Caller's process id, in the initial pid namespace.
    pub pid: u32,
    /// Caller's real user id, in the initial user namespace.
    pub uid: u32,
    /// Index into [`SYSCALLS`](crate::SYSCALLS), and whether there is a signal: bits of [`alike`].
    pub what: u32,
    /// The signal that the call names.
    pub signal: i32,
    /// What it returned. 0 of lost ones, which it is not looked at of.
    pub ret: i64,
}

/// Bits of [`Alike::what`].
pub mod alike {
    /// The row.
    pub const ROW: u32 = 0xffff;
    /// The call names a signal.
    pub const HAS_SIGNAL: u32 = 1 << 16;
    /// The calls are lost, and not merged: they have entries of their own, so that what is told of merged ones
    /// is of merged ones only.
    pub const LOST: u32 = 1 << 17;
    /// There is such a thing at all: an entry that is not used yet has none of these bits.
    pub const USED: u32 = 1 << 31;
}

/// Calls that are alike. Native byte order, no padding.
///
/// An entry is claimed as a slot is: whoever makes `claims` 1 writes the rest. It stays what it is
/// until the agent clears it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Entry {
    /// What they have in common.
    pub alike: Alike,
    /// How many were merged.
    pub count: u64,
    /// How many were lost.
    pub lost: u64,
    /// When the first was entered, in nanoseconds of `CLOCK_BOOTTIME`.
    pub first_ns: u64,
    /// When the last was entered.
    pub last_ns: u64,
    /// The name of the first one's thread, NUL-terminated.
    pub comm: [u8; 16],
    /// The user whose share was used up, who is another than `uid` in a user namespace that a user made.
    pub charged: u32,
    /// How many threads claim it.
    pub claims: u32,
    /// A hash of what they have in common.
    pub hash: u32,
    /// Nothing.
    pub unused: u32,
}

/// Entries for merged calls, each at the low bits of a hash.
pub const MERGED_ENTRIES: usize = 4096;
const _: () = assert!(MERGED_ENTRIES.is_power_of_two());

/// Entries for lost ones, likewise. They follow the others, which cannot take them: however many kinds of calls
/// are merged, it is known whose the first one was that was lost.
pub const LOST_ENTRIES: usize = 1024;
const _: () = assert!(LOST_ENTRIES.is_power_of_two());

/// Entries of one generation. The map `CROWD` has those of two: programs use the ones that the lowest bit
/// of the number of the generation names, while the agent reads and clears the others.
pub const ENTRIES: usize = MERGED_ENTRIES + LOST_ENTRIES;

const _: () = {
    assert!(offset_of!(Entry, alike) == 0);
    assert!(offset_of!(Entry, count) == 24);
    assert!(offset_of!(Entry, lost) == 32);
    assert!(offset_of!(Entry, first_ns) == 40);
    assert!(offset_of!(Entry, last_ns) == 48);
    assert!(offset_of!(Entry, comm) == 56);
    assert!(offset_of!(Entry, charged) == 72);
    assert!(offset_of!(Entry, claims) == 76);
    assert!(offset_of!(Entry, hash) == 80);
    assert!(size_of::<Entry>() == 88);
};
