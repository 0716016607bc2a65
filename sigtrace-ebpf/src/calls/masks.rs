//! The signals that a thread blocks before and after a call that changes them, as the kernel has them: what
//! such a call names tells less, as some are blocked already, some cannot be, and a call that fails may
//! have changed them before.

use sigtrace_common::{DATA_OFFSET, MASKS_SIZE, Record, UNKNOWN_MASK};

use crate::{
    config::config,
    kernel::task::Task,
    shapes::{ShapeRef, get},
};

/// Whether the running kernel's types tell where they are.
#[inline(always)]
pub fn are_known() -> bool {
    config!(offsets.task_blocked) != 0
}

/// Notes what is blocked as the call is entered.
#[inline(always)]
pub fn before(shape: ShapeRef, record: &mut Record, task: Task) {
    if are_known() {
        // SAFETY: inside the slot.
        unsafe { place(shape, record).write(task.blocked()) };
    }
}

/// Notes what is blocked as it returns.
#[inline(always)]
pub fn after(shape: ShapeRef, record: &mut Record) {
    let mask = if are_known() { Task::current().blocked() } else { UNKNOWN_MASK };
    // SAFETY: inside the slot.
    unsafe { place(shape, record).add(1).write(mask) };
}

/// The signals that a call that has returned blocked or unblocked.
#[inline(always)]
pub fn changed(shape: ShapeRef, record: &mut Record) -> u64 {
    let masks = place(shape, record);
    // SAFETY: inside the slot.
    unsafe { masks.read() ^ masks.add(1).read() }
}

/// Where both are, at the end of the record.
#[inline(always)]
fn place(shape: ShapeRef, record: &mut Record) -> *mut u64 {
    const MASK: usize = 63;
    const { assert!(DATA_OFFSET + MASK + MASKS_SIZE <= size_of::<sigtrace_common::Slot>()) };
    let at = (get!(shape, emitted) as usize).wrapping_sub(DATA_OFFSET + MASKS_SIZE) & MASK;
    // SAFETY: inside the slot, of which the record is the beginning.
    unsafe { (&raw mut record.data).cast::<u8>().add(at).cast::<u64>() }
}
