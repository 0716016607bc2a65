//! Inputs that were not resident when their call began, so that a program, which cannot wait for
//! memory, could not read them. By the time of the return the kernel has brought them in; but they may
//! be something else by then.

use sigtrace_common::{Capture, MAX_ARGS, NO_ARG, Place, Record, Slot, flag};

use super::{
    exit::EFAULT,
    held,
    user::{arg, place, read, set_capture},
};
use crate::{
    kernel::task::Task,
    shapes::{ShapeRef, get, has},
};

/// Bytes of a siginfo_t (`SI_MAX_SIZE`, `include/uapi/asm-generic/siginfo.h`).
const SIGINFO_SIZE: u8 = 128;

/// Captures the inputs that were not resident, of a call whose record has what it returned.
#[inline(always)]
pub fn capture_late(slot: *mut Slot, point: u32) {
    again(slot, point, 0);
    again(slot, point, 1);
}

/// Each in a function of its own that gives nothing back, nor is given what it compares: the verifier has
/// one way to go on after it, not one for each way through it.
#[inline(never)]
fn again(slot: *mut Slot, point: u32, index: u32) {
    let shape = ShapeRef::of(point);
    let place = place!(shape, inputs[index as usize & 1]);
    // SAFETY: the thread's own slot.
    let (record, switches, was_alone) =
        unsafe { (&mut (*slot).record, (*slot).switches, (*slot).was_alone != 0) };
    // SAFETY: a member of it; volatile, so that nobody knows where it is from.
    let ret = unsafe { (&raw const record.ret).read_volatile() };
    if place.arg == NO_ARG
        || record.captures[place.arg as usize & (MAX_ARGS - 1)] != Capture::Unreadable as u8
    {
        return;
    }
    let mut output = place!(shape, output);
    if has(shape, flag::RETURNS_SIGNAL) {
        // Of a siginfo 48 bytes are captured, but the kernel writes all.
        output.size = SIGINFO_SIZE;
    }
    let shared = overlaps(record, place, output);
    let task = Task::current();
    // Nobody else was there to change what the kernel saw, and it did not itself.
    let alone = was_alone && task.is_alone();
    if !shared && alone && (!has(shape, flag::WAITS) || task.switches() == switches) {
        let capture = read(record, place, place.size as usize);
        set_capture(record, place, capture);
        return;
    }
    if held::input(record, point, index) {
        // What a signal does is for all threads, of which another may have changed it since.
        let is_own = alone || !has(shape, flag::KEEPS_ACTION);
        set_capture(record, place, if is_own { Capture::Whole } else { Capture::Late });
        return;
    }
    if shared && ret >= 0 {
        // What is there now is the output.
        return;
    }
    let capture = match read(record, place, place.size as usize) {
        Capture::Whole => Capture::Late,
        capture => capture,
    };
    set_capture(record, place, capture);
}

/// Whether a call's input and its output have memory in common.
#[inline(always)]
fn overlaps(record: &Record, input: Place, output: Place) -> bool {
    if output.arg == NO_ARG {
        return false;
    }
    let (from, to) = (arg(record, input.arg), arg(record, output.arg));
    to != 0
        && from < to.wrapping_add(u64::from(output.size))
        && to < from.wrapping_add(u64::from(input.size))
}

/// Whether a call of this shape that returned `ret` may have gone by an input that is not known for
/// sure: all but those whose input the kernel could not read either.
#[inline(always)]
pub fn may_have_used(record: &Record, place: Place, ret: i64) -> bool {
    let capture = record.captures[place.arg as usize & (MAX_ARGS - 1)];
    capture == Capture::Late as u8 || capture == Capture::Unreadable as u8 && ret != EFAULT
}
