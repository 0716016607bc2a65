//! A slot per thread that has a call under way, from its entry to its return.
//!
//! A thread's slot is the one at the low bits of its id, which threads that are created one after the
//! other have to themselves. If another thread is in it, as its call has not returned yet, the thread
//! has one in a hash map, which costs more. Together there is room for as many as the machine can have
//! threads, unless it is large.
//!
//! Claims need no more than an atomic addition whose result is not returned, as kernels before 5.12
//! have no other. Whoever adds a claim and then finds exactly one has the slot. Of two who do so at
//! once either one or none does, and who does not takes the claim back and looks elsewhere.

use core::ptr;

use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_NOEXIST},
    macros::map,
    maps::{Array, HashMap},
};
use sigtrace_common::{EMPTY_SLOT, Slot, State, WAITS};

use crate::{atomic::add_u32, config::config};

/// The slots; the agent sets how many. It looks at them through a mapping, so that an element
/// starts at a page, and each of them at a cache line.
#[map]
static SLOTS: Array<Slot> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Slots of threads that found theirs taken, by thread id and [`WAITS`]; the agent sets how many.
#[map]
static OVERFLOW: HashMap<u32, Slot> = HashMap::with_max_entries(1, 0);

/// When the calls in there were entered that the agent has told of, by thread id; it cannot write into
/// such a map's elements.
#[map]
static OVERFLOW_TOLD: HashMap<u32, u64> = HashMap::with_max_entries(1, 0);

/// What a slot in there starts as.
static EMPTY: Slot = EMPTY_SLOT;

/// The thread's first slot. There always is one.
#[inline(always)]
fn first(tid: u32) -> Option<*mut Slot> {
    SLOTS.get_ptr_mut(tid & config!(slot_mask))
}

/// Whether nobody is in the slot, nor is elsewhere because somebody was.
#[inline(always)]
fn is_quiet(slot: *mut Slot) -> bool {
    // SAFETY: an element of the map; both counts are one aligned word. Volatile, as other processors
    // change them.
    unsafe { (&raw const (*slot).claims).cast::<u64>().read_volatile() == 0 }
}

/// Whether the thread's slot can hold a call, or another thread's call keeps us from knowing.
#[inline(always)]
pub fn may_be_under_way(tid: u32) -> bool {
    first(tid).is_some_and(|slot| !is_quiet(slot))
}

/// A slot for a call that the thread enters; null if there is none. `part_with_missed` deals with what the
/// thread may have left in its slot, as the return was missed; `waits` says whether it may wait in the
/// call.
#[inline(always)]
pub fn claim(
    tid: u32,
    part_with_missed: impl FnOnce(u32),
    waits: impl FnOnce() -> bool,
) -> *mut Slot {
    let Some(slot) = first(tid) else { return ptr::null_mut() };
    if is_quiet(slot) && take(slot) {
        return slot;
    }
    part_with_missed(tid);
    if is_free(slot) && take(slot) {
        slot
    } else {
        claim_another(if waits() { tid | WAITS } else { tid })
    }
}

#[inline(always)]
fn take(slot: *mut Slot) -> bool {
    // SAFETY: an aligned member of the map's element; volatile, as other processors change it.
    unsafe {
        let claims = &raw mut (*slot).claims;
        add_u32(claims, 1);
        if claims.read_volatile() == 1 {
            return true;
        }
        add_u32(claims, -1);
    }
    false
}

#[expect(
    clippy::needless_borrows_for_generic_args,
    reason = "by value it would be on the stack, half of which it takes"
)]
#[inline(never)]
fn claim_another(key: u32) -> *mut Slot {
    let tid = key & !WAITS;
    if OVERFLOW.insert(key, &EMPTY, u64::from(BPF_NOEXIST)).is_err() {
        return ptr::null_mut();
    }
    if let Some(first) = first(tid) {
        // SAFETY: an aligned member of the map's element.
        unsafe { add_u32(&raw mut (*first).displaced, 1) };
    }
    let Some(slot) = OVERFLOW.get_ptr_mut(key) else { return ptr::null_mut() };
    // SAFETY: the thread's own slot.
    unsafe {
        (*slot).elsewhere = key;
        (*slot).record.tid = tid;
    }
    slot
}

#[inline(always)]
fn is_free(slot: *mut Slot) -> bool {
    // SAFETY: as in `is_quiet`.
    unsafe { (&raw const (*slot).claims).read_volatile() == 0 }
}

/// Whether the slot holds a call of the thread.
#[inline(always)]
fn holds(slot: *mut Slot, tid: u32) -> bool {
    // In this order: nobody but the thread itself makes the first one its id, while the second may
    // become that of another thread's call in between.
    // SAFETY: an element of the map, whose members are integers: if it is not ours, what we compare
    // says so. Volatile, as other processors change them.
    unsafe {
        (&raw const (*slot).record.state).read_volatile() == State::Entered as u8
            && (&raw const (*slot).record.tid).read_volatile() == tid
    }
}

/// The slot that holds a call of the thread; null if none does.
#[inline(always)]
pub fn find(tid: u32) -> *mut Slot {
    let Some(slot) = first(tid) else { return ptr::null_mut() };
    if holds(slot, tid) {
        return slot;
    }
    // SAFETY: as in `is_quiet`.
    if unsafe { (&raw const (*slot).displaced).read_volatile() } == 0 {
        ptr::null_mut()
    } else {
        find_another(tid)
    }
}

#[inline(never)]
fn find_another(tid: u32) -> *mut Slot {
    for key in [tid, tid | WAITS] {
        if let Some(slot) = OVERFLOW.get_ptr_mut(key)
            && holds(slot, tid)
        {
            return slot;
        }
    }
    ptr::null_mut()
}

/// The slot that a thread has, by the key that it has in the map `OVERFLOW`, 0 if it is not there: what global
/// functions are given in the place of pointers.
#[inline(always)]
pub fn of(tid: u32, key: u32) -> Option<*mut Slot> {
    if key == 0 { first(tid) } else { OVERFLOW.get_ptr_mut(key) }
}

/// That key.
#[inline(always)]
pub fn key(slot: *mut Slot) -> u32 {
    // SAFETY: the thread's own slot.
    unsafe { (*slot).elsewhere }
}

/// Whether the agent has told of the call in this slot already, as unfinished. By then it lasted for
/// seconds.
#[inline(always)]
pub fn is_told(slot: *mut Slot) -> bool {
    // SAFETY: the thread's own slot; volatile, as the agent writes this member.
    unsafe {
        let told = (&raw const (*slot).told_ns).read_volatile() == (*slot).record.entered_ns;
        told || (*slot).elsewhere != 0
            && is_overflow_told((*slot).record.tid, (*slot).record.entered_ns)
    }
}

#[inline(never)]
fn is_overflow_told(tid: u32, entered_ns: u64) -> bool {
    // SAFETY: a value of the map; it is only ever written whole.
    OVERFLOW_TOLD.get_ptr(tid).is_some_and(|told| unsafe { *told } == entered_ns)
}

/// Gives up the slot that the thread in it has. Its state must have been set to something else before.
#[inline(always)]
pub fn release(slot: *mut Slot) {
    // SAFETY: our slot, until the claim is taken back.
    unsafe {
        if (*slot).elsewhere == 0 {
            add_u32(&raw mut (*slot).claims, -1);
        } else {
            come_back((*slot).elsewhere);
        }
    }
}

#[inline(never)]
fn come_back(key: u32) {
    let _ = OVERFLOW.remove(key);
    if let Some(first) = first(key & !WAITS) {
        // SAFETY: an aligned member of the map's element.
        unsafe { add_u32(&raw mut (*first).displaced, -1) };
    }
}

/// Gives up the slot that holds a call of the thread, if one does.
#[inline(always)]
pub fn discard(tid: u32) {
    let slot = find(tid);
    if !slot.is_null() {
        // SAFETY: the thread's own slot.
        unsafe { (*slot).record.state = State::Idle as u8 };
        release(slot);
    }
}

/// Forgets what the thread's first slot remembers of it: it ends, and its number may become
/// another's.
#[inline(always)]
pub fn forget(tid: u32) {
    if let Some(slot) = first(tid)
        && is_free(slot)
        && take(slot)
    {
        // SAFETY: we have it now.
        unsafe {
            (*slot).record.pid = 0;
            add_u32(&raw mut (*slot).claims, -1);
        }
    }
}
