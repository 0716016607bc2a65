//! Who may put records into a ring that is filling, so that no user's calls push out those of others.
//!
//! While it is less than half full, everything goes into it. Beyond that, a user who is alone leaves a part
//! of it to the first calls of others. Where there are several, time is measured by what the agent has
//! taken from the ring: in an epoch it frees a part, half of which the users who are there share equally.
//! What does not go into the ring is merged with calls that are alike, or lost, and then it is counted
//! whose it was: see [`sigtrace_common::crowd`].
//!
//! While the ring is not filling, all of this is one look at a global.

use core::cell::UnsafeCell;

use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_RB_AVAIL_DATA, BPF_RB_CONS_POS},
    macros::map,
    maps::Array,
};
use sigtrace_common::{
    Counter, NO_ARG, Record,
    crowd::{
        Alike, ENTRIES, EPOCH_PARTS, Entry, LOST, MERGED, MERGED_BY_USER, PLACES, SHARES, Share,
        Users, alike,
    },
};

use crate::{
    atomic::{add_u32, add_u64},
    calls::arg,
    config::config,
    kernel::task::{Charged, Task},
    maps::{EVENTS, count, generation},
    shapes::{ShapeRef, get},
};

/// What users have used of their shares, and how many users there are.
#[map(name = "SHARES")]
static USED: Array<Share> = Array::with_max_entries(SHARES as u32 + 1, 0);

/// The entries of two generations.
#[map]
static CROWD: Array<Entry> = Array::with_max_entries(2 * ENTRIES as u32, BPF_F_MMAPABLE);

/// Whether the ring is filling: 1 or 0.
#[repr(transparent)]
struct Filling(UnsafeCell<u32>);

// SAFETY: only ever read and written whole.
unsafe impl Sync for Filling {}

/// In a section of its own, as the agent writes all of the other.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".bss.filling")]
static FILLING: Filling = Filling(UnsafeCell::new(0));

/// Whether users' shares are to be looked at.
#[inline(always)]
pub fn is_filling() -> bool {
    // SAFETY: a valid, aligned static; volatile, as other processors change it.
    config!(has_shares) != 0 && unsafe { FILLING.0.get().read_volatile() != 0 }
}

/// Notes how many bytes wait in the ring.
#[inline(always)]
pub fn note_waiting(bytes: u64) {
    if config!(has_shares) != 0 && bytes >= half() {
        set_filling(true);
    }
}

/// Notes that a record found no room.
#[inline(always)]
pub fn note_full() {
    if config!(has_shares) != 0 {
        set_filling(true);
    }
}

#[inline(always)]
fn set_filling(is: bool) {
    // SAFETY: a valid, aligned static.
    unsafe { FILLING.0.get().write_volatile(u32::from(is)) };
}

#[inline(always)]
fn half() -> u64 {
    1 << (config!(ring_bits) & 31) >> 1
}

/// Bytes of an epoch.
#[inline(always)]
fn part() -> u64 {
    (1 << (config!(ring_bits) & 31)) / u64::from(EPOCH_PARTS)
}

/// What a record is, for [`holds_back`].
pub mod kind {
    /// A call that has returned.
    pub const RETURNED: u32 = 0;
    /// A call whose return was missed.
    pub const MISSED: u32 = 1;
    /// The return of a call that was told of as unfinished.
    pub const LATE: u32 = 2;
}

/// Whether a record of this [`kind`], of so many bytes, has to stay out of the ring, as its user is beyond
/// its share. If so, a call that has returned is merged with others that are alike, if that can be; what
/// else there is is counted as lost.
///
/// A function of its own, so that there is one way on after it.
#[inline(never)]
pub fn holds_back(record: &Record, point: u32, size: u32, kind: u32) -> u32 {
    let charged = Task::charged();
    if has_room(charged.share, size + HEADER) {
        return 0;
    }
    if kind == kind::LATE {
        count(Counter::ReturnLost);
        return 1;
    }
    let alike = of(record, point, charged.uid, kind == kind::RETURNED);
    if kind == kind::RETURNED && merge(&alike, record, charged) {
        count(Counter::Merged);
    } else {
        count(Counter::OverShare);
        note_loss(&alike, record, charged);
    }
    1
}

/// What the kernel puts before a record in the ring (`BPF_RINGBUF_HDR_SZ`).
const HEADER: u32 = 8;

/// Notes whose call was lost, for whatever reason.
#[inline(never)]
pub fn lose(record: &Record, point: u32) {
    let charged = Task::charged();
    note_loss(&of(record, point, charged.uid, false), record, charged);
}

/// Whether who has this share may put so many bytes into the ring.
#[inline(always)]
fn has_room(user: u32, size: u32) -> bool {
    let waiting = EVENTS.query(u64::from(BPF_RB_AVAIL_DATA));
    if waiting < half() {
        set_filling(false);
        return true;
    }
    let epoch = (EVENTS.query(u64::from(BPF_RB_CONS_POS)) / part()) as u32;
    let (Some(share), Some(users)) =
        (USED.get_ptr_mut(bucket(user)), USED.get_ptr_mut(SHARES as u32))
    else {
        return true;
    };
    let users = users.cast::<Users>();
    // SAFETY: aligned members of the map's elements; volatile, as other processors change them.
    unsafe {
        let number_in =
            |epoch: u32| (&raw mut (*users).number).cast::<u32>().add(epoch as usize & 3);
        // Epoch 0 is one that nobody has been in either.
        if (&raw const (*share).epoch).read_volatile() != epoch.wrapping_add(1) {
            (&raw mut (*share).epoch).write_volatile(epoch.wrapping_add(1));
            (&raw mut (*share).used).write_volatile(0);
            number_in(epoch.wrapping_add(1)).write_volatile(0);
            number_in(epoch.wrapping_add(2)).write_volatile(0);
            add_u32(number_in(epoch), 1);
        }
        let now = number_in(epoch).read_volatile();
        let number = now.max(number_in(epoch.wrapping_sub(1)).read_volatile());
        if number <= 1 && waiting + u64::from(size) + part() <= 2 * half() {
            return true;
        }
        // Half of what the agent frees, so that it catches up, and that there is room for who comes in the
        // midst of an epoch; also where a user seems to be alone, as processors count without waiting for
        // each other.
        let used = (&raw const (*share).used).read_volatile();
        let has_room = u64::from(used) + u64::from(size) <= part() / 2 / u64::from(number.max(2));
        if has_room {
            add_u32(&raw mut (*share).used, size as i32);
        }
        has_room
    }
}

/// A user's element.
#[inline(always)]
fn bucket(user: u32) -> u32 {
    if user == 0 { 0 } else { 1 + (user - 1) % (SHARES as u32 - 1) }
}

/// What a call has in common with others.
#[inline(always)]
fn of(record: &Record, point: u32, uid: u32, returned: bool) -> Alike {
    let shape = ShapeRef::of(point);
    let index = get!(shape, signal);
    let (mut what, mut signal) = (u32::from(record.syscall) | alike::USED, 0);
    if index != NO_ARG {
        what |= alike::HAS_SIGNAL;
        signal = arg(record, index) as i32;
    }
    Alike { pid: record.pid, uid, what, signal, ret: if returned { record.ret } else { 0 } }
}

/// Adds a call to those that are alike. Says whether there is room for it.
#[inline(always)]
fn merge(alike: &Alike, record: &Record, charged: Charged) -> bool {
    let first = (generation() & 1) * ENTRIES as u32;
    let entry = find(alike, first, MERGED as u32, |entry, hash| {
        may_have_another(charged.share) && claim(entry, alike, hash, record, charged.user)
    });
    let Some(entry) = entry else { return false };
    // SAFETY: aligned members of the map's element.
    unsafe {
        add_u64(&raw mut (*entry).count, 1);
        (&raw mut (*entry).last_ns).write_volatile(record.entered_ns);
    }
    true
}

/// Counts a lost call among those that are alike, as far as there is room: what counts is whose most are.
#[inline(always)]
fn note_loss(alike: &Alike, record: &Record, charged: Charged) {
    let first = (generation() & 1) * ENTRIES as u32 + MERGED as u32;
    let entry = find(alike, first, LOST as u32, |entry, hash| {
        claim(entry, alike, hash, record, charged.user)
    });
    if let Some(entry) = entry {
        // SAFETY: an aligned member of the map's element.
        unsafe { add_u64(&raw mut (*entry).count, 1) };
    }
}

/// The entry for calls like this among `number` from `first` on, or one that `claim` makes such.
#[inline(always)]
fn find(
    alike: &Alike,
    first: u32,
    number: u32,
    claim: impl Fn(*mut Entry, u32) -> bool,
) -> Option<*mut Entry> {
    let hash = hash(alike);
    let mut i = 0;
    while i < PLACES as u32 {
        let entry = CROWD.get_ptr_mut(first + (hash.wrapping_add(i) & (number - 1)))?;
        if is_for(entry, alike, hash) || is_unclaimed(entry) && claim(entry, hash) {
            return Some(entry);
        }
        i += 1;
    }
    None
}

#[inline(always)]
fn hash(alike: &Alike) -> u32 {
    // Fibonacci hashing, word by word.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let ids = u64::from(alike.pid) << 32 | u64::from(alike.uid);
    let what = u64::from(alike.what) << 32 | u64::from(alike.signal as u32);
    let mixed = (ids.wrapping_mul(FACTOR) ^ what).wrapping_mul(FACTOR) ^ alike.ret as u64;
    (mixed.wrapping_mul(FACTOR) >> 32) as u32
}

#[inline(always)]
fn is_for(entry: *mut Entry, alike: &Alike, hash: u32) -> bool {
    // SAFETY: members of the map's element; volatile, as other processors change them. As long as they
    // are written, in whatever order that is seen, their hash is not that of what they seem to be.
    unsafe {
        let found = &raw const (*entry).alike;
        (&raw const (*entry).hash).read_volatile() == hash
            && (&raw const (*found).what).read_volatile() == alike.what
            && (&raw const (*found).pid).read_volatile() == alike.pid
            && (&raw const (*found).uid).read_volatile() == alike.uid
            && (&raw const (*found).signal).read_volatile() == alike.signal
            && (&raw const (*found).ret).read_volatile() == alike.ret
    }
}

#[inline(always)]
fn is_unclaimed(entry: *mut Entry) -> bool {
    // SAFETY: as above.
    unsafe { (&raw const (*entry).claims).read_volatile() == 0 }
}

/// Makes an entry that of calls like this. Says whether nobody else does at the same time.
#[inline(always)]
fn claim(entry: *mut Entry, alike: &Alike, hash: u32, record: &Record, charged: u32) -> bool {
    // SAFETY: aligned members of the map's element; volatile, as other processors look at them.
    unsafe {
        let claims = &raw mut (*entry).claims;
        add_u32(claims, 1);
        if claims.read_volatile() != 1 {
            add_u32(claims, -1);
            return false;
        }
        (*entry).first_ns = record.entered_ns;
        (*entry).charged = charged;
        (&raw mut (*entry).hash).write_volatile(hash);
        let comm = (&raw mut (*entry).comm).cast::<[u64; 2]>();
        comm.write((&raw const record.comm).cast::<[u64; 2]>().read());
        let to = &raw mut (*entry).alike;
        (&raw mut (*to).pid).write_volatile(alike.pid);
        (&raw mut (*to).uid).write_volatile(alike.uid);
        (&raw mut (*to).signal).write_volatile(alike.signal);
        (&raw mut (*to).ret).write_volatile(alike.ret);
        // Last, as without it the entry is for nothing.
        (&raw mut (*to).what).write_volatile(alike.what);
    }
    true
}

/// Whether a user may have one more entry for merged calls, so that one does not take them all.
#[inline(always)]
fn may_have_another(user: u32) -> bool {
    let Some(share) = USED.get_ptr_mut(bucket(user)) else { return false };
    let now = generation();
    // SAFETY: aligned members of the map's element; volatile, as other processors change them.
    unsafe {
        if (&raw const (*share).generation).read_volatile() != now {
            (&raw mut (*share).generation).write_volatile(now);
            (&raw mut (*share).entries).write_volatile(0);
        }
        add_u32(&raw mut (*share).entries, 1);
        (&raw const (*share).entries).read_volatile() <= MERGED_BY_USER
    }
}
