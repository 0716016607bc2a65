//! Records into the ring.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::generated::{bpf_ringbuf_output, bpf_ringbuf_reserve, bpf_ringbuf_submit},
};
use sigtrace_common::{DATA_OFFSET, Header, MASKS_SIZE, RecordKind, Slot};

use crate::{
    config::config,
    maps::EVENTS,
    shapes::{ShapeRef, get},
    shares,
};

/// Past the threshold the agent is woken for this many bytes more, not for each record until it
/// has caught up. Should the wake-up be missed, its timer is the net below.
const WAKEUP_SPAN: u64 = 2 * BLOCK;
/// The most frequent records look at how much is waiting once for so many bytes. As this is half of
/// the span, one of them does so within it.
const BLOCK: u64 = 1024;

/// Puts the first `size` bytes of what is at an address into the ring. Says whether they fit.
#[inline(always)]
pub fn emit<T>(from: &T, size: usize) -> bool {
    // SAFETY: the ring is a map; `size` is at most that of `from`, which the verifier checks.
    let failed = unsafe {
        bpf_ringbuf_output(
            (&raw const EVENTS).cast::<c_void>().cast_mut(),
            (&raw const *from).cast::<c_void>().cast_mut(),
            size as u64,
            wakeup(),
        )
    };
    if failed != 0 {
        shares::note_full();
    }
    failed == 0
}

/// Puts the record of a call of this shape into the ring, likewise. The most frequent sizes are
/// copied by the word, which is cheaper.
#[inline(always)]
pub fn emit_returned(shape: ShapeRef, slot: *mut Slot) -> bool {
    let size = get!(shape, emitted) as usize;
    match size {
        NUMBERS => emit_words::<{ NUMBERS / 8 }>(slot),
        WITH_MASKS => emit_words::<{ WITH_MASKS / 8 }>(slot),
        // SAFETY: the thread's own slot.
        _ => emit(unsafe { &(*slot).record }, size & 255),
    }
}

/// What calls have that carry no structures, as those that send a signal do.
const NUMBERS: usize = DATA_OFFSET;
/// What rt_sigprocmask and rt_sigreturn have: a set, and the masks before and after.
const WITH_MASKS: usize = DATA_OFFSET + 8 + MASKS_SIZE;

#[inline(always)]
fn emit_words<const WORDS: usize>(slot: *mut Slot) -> bool {
    // SAFETY: the ring is a map. What it gives has so many words, and has to be given back; the
    // slot, which is the thread's own, has as many.
    unsafe {
        let ring = (&raw const EVENTS).cast::<c_void>().cast_mut();
        let size = WORDS as u64 * 8;
        let room = bpf_ringbuf_reserve(ring, size, 0).cast::<u64>();
        if room.is_null() {
            shares::note_full();
            return false;
        }
        let words = slot.cast::<u64>();
        let mut i = 0;
        while i < WORDS {
            room.add(i).write(words.add(i).read());
            i += 1;
        }
        // The verifier forgets what kind of number this is only in a map.
        let at = &raw mut (*slot).room;
        at.write_volatile(room as u32);
        let is_last_in_block = u64::from(at.read_volatile()) % BLOCK + size + HEADER >= BLOCK;
        let flags = if is_last_in_block { wakeup() } else { u64::from(BPF_RB_NO_WAKEUP) };
        bpf_ringbuf_submit(room.cast::<c_void>(), flags);
    }
    true
}

/// Room for a record in the ring. It has to be given back.
pub struct Room<T>(*mut T);

/// Room for a record; `None` if there is none.
#[inline(always)]
pub fn reserve<T>() -> Option<Room<T>> {
    // SAFETY: the ring is a map.
    let room = unsafe {
        let ring = (&raw const EVENTS).cast::<c_void>().cast_mut();
        bpf_ringbuf_reserve(ring, size_of::<T>() as u64, 0).cast::<T>()
    };
    if room.is_null() {
        shares::note_full();
        return None;
    }
    Some(Room(room))
}

impl<T> Room<T> {
    /// Where to write the record, every byte of it.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut T {
        self.0
    }

    /// Gives it back, for the agent.
    #[inline(always)]
    pub fn submit(self) {
        // SAFETY: what the ring gave.
        unsafe { bpf_ringbuf_submit(self.0.cast::<c_void>(), wakeup()) };
    }
}

/// Writes what a record is, and how long.
///
/// # Safety
///
/// The header must be one to write to.
#[inline(always)]
pub unsafe fn begin(header: *mut Header, kind: RecordKind, length: usize) {
    // SAFETY: the caller's promise; the first half of the header, which is aligned.
    unsafe { header.cast::<u32>().write(kind.head(length as u16)) };
}

/// What the kernel puts before a record in the ring (`BPF_RINGBUF_HDR_SZ`).
const HEADER: u64 = 8;

/// Whether putting something more into the ring is to wake the agent, as a flag.
#[inline(always)]
fn wakeup() -> u64 {
    let waiting = EVENTS.query(u64::from(BPF_RB_AVAIL_DATA));
    shares::note_waiting(waiting);
    let wake = waiting.wrapping_sub(u64::from(config!(wakeup_bytes))) < WAKEUP_SPAN;
    u64::from(if wake { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP })
}

// What the verifier is to expect of a record's size is inside a slot.
const _: () = assert!(size_of::<Slot>() >= 255);
