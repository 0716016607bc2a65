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
    Counter, NO_ARG, Record, Slot,
    crowd::{
        Alike, ENTRIES, EPOCH_PARTS, Entry, LOST_ENTRIES, MERGED_ENTRIES, SHARES, Share, Users,
        alike,
    },
};

use crate::{
    atomic::{add_u32, add_u64},
    calls::arg,
    config::config,
    kernel::task::Task,
    maps::{EVENTS, count, generation},
    shapes::{ShapeRef, get},
    slots,
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

/// What becomes of a record that does not go into the ring: bits for [`leave_out_of_ring`].
pub mod why {
    /// Its user is beyond its share; else the ring has no room.
    pub const HELD_BACK: u32 = 1 << 0;
    /// It is of a call that has returned.
    pub const RETURNED: u32 = 1 << 1;
    /// It is the return of a call that was told of as unfinished.
    pub const LATE: u32 = 1 << 2;
}

/// Whether the record in a thread's slot, of so many bytes, has to stay out of the ring, as the current thread's
/// user is beyond its share.
#[inline(always)]
pub fn hold_back(tid: u32, slot: *mut Slot, size: u32) -> bool {
    is_filling() && is_beyond_share(tid, slots::key(slot), size + HEADER) != 0
}

/// Whether the current thread's user may put a record of so many bytes into the ring.
#[inline(always)]
pub fn leaves_room(size: u32) -> bool {
    !is_filling() || has_room(Task::charged().share, size + HEADER)
}

/// What the kernel puts before a record in the ring (`BPF_RINGBUF_HDR_SZ`).
const HEADER: u32 = 8;

/// Global, as is the next.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn is_beyond_share(tid: u32, key: u32, size: u32) -> u32 {
    let Some(slot) = slots::of(tid, key) else { return 0 };
    let charged = Task::charged();
    // SAFETY: the thread's own slot.
    unsafe { (*slot).charged = charged.user };
    u32::from(!has_room(charged.share, size))
}

/// Merges the call in a thread's slot with others that are alike, if its user is beyond its share and that can
/// be; else counts it as lost, and whose it was. `why` is bits of [`why`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn leave_out_of_ring(tid: u32, key: u32, why: u32) -> u32 {
    if why & why::LATE != 0 {
        count(Counter::ReturnLost);
        return 0;
    }
    let Some(slot) = slots::of(tid, key) else { return 0 };
    // SAFETY: the thread's own slot.
    let (record, point, charged) = unsafe { (&(*slot).record, (*slot).point, (*slot).charged) };
    let is_held_back = why & why::HELD_BACK != 0;
    let charged = if is_held_back { charged } else { record.uid };
    let merges = why == why::RETURNED | why::HELD_BACK;
    if merges && let Some(entry) = find(&of(record, point, true), record, charged) {
        // SAFETY: aligned members of the map's element.
        unsafe {
            (&raw mut (*entry).last_ns).write_volatile(record.entered_ns);
            add_u64(&raw mut (*entry).count, 1);
        }
        count(Counter::Merged);
        return 0;
    }
    if let Some(entry) = find(&of(record, point, false), record, charged) {
        // SAFETY: likewise.
        unsafe { add_u64(&raw mut (*entry).lost, 1) };
    }
    count(if is_held_back { Counter::OverShare } else { Counter::RingFull });
    0
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

/// What a call has in common with others that are merged, if it is to be, or with other lost ones.
#[inline(always)]
fn of(record: &Record, point: u32, merges: bool) -> Alike {
    let shape = ShapeRef::of(point);
    let index = get!(shape, signal);
    let (mut what, mut signal) = (u32::from(record.syscall) | alike::USED, 0);
    if index != NO_ARG {
        what |= alike::HAS_SIGNAL;
        signal = arg(record, index) as i32;
    }
    let ret = if merges {
        record.ret
    } else {
        what |= alike::LOST;
        0
    };
    Alike { pid: record.pid, uid: record.uid, what, signal, ret }
}

/// The entry for calls like this, or one that becomes such. `charged` is whose share was used up.
#[inline(always)]
fn find(alike: &Alike, record: &Record, charged: u32) -> Option<*mut Entry> {
    let hash = hash(alike);
    let first = (generation() & 1) * ENTRIES as u32;
    let place = if alike.what & alike::LOST == 0 {
        hash & (MERGED_ENTRIES as u32 - 1)
    } else {
        MERGED_ENTRIES as u32 + (hash & (LOST_ENTRIES as u32 - 1))
    };
    let entry = CROWD.get_ptr_mut(first + place)?;
    let is_ours = is_for(entry, alike, hash)
        || is_unclaimed(entry) && claim(entry, alike, hash, record, charged);
    if is_ours { Some(entry) } else { None }
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
    // One comparison, as each is two ways on for the verifier.
    let differs = unsafe {
        let found = &raw const (*entry).alike;
        let halves = [
            (&raw const (*entry).hash).read_volatile() ^ hash,
            (&raw const (*found).what).read_volatile() ^ alike.what,
            (&raw const (*found).pid).read_volatile() ^ alike.pid,
            (&raw const (*found).uid).read_volatile() ^ alike.uid,
            ((&raw const (*found).signal).read_volatile() ^ alike.signal) as u32,
        ];
        let ret = (&raw const (*found).ret).read_volatile() ^ alike.ret;
        u64::from(halves[0] | halves[1] | halves[2] | halves[3] | halves[4]) | ret as u64
    };
    differs == 0
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
        // By the word: together it would be a call of memmove, a loop for the verifier to go through.
        let (from, comm) =
            ((&raw const record.comm).cast::<u64>(), (&raw mut (*entry).comm).cast::<u64>());
        comm.write(from.read());
        comm.add(1).write(from.add(1).read());
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
