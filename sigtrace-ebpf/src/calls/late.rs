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
    slots,
};

/// Bytes of a siginfo_t (`SI_MAX_SIZE`, `include/uapi/asm-generic/siginfo.h`).
const SIGINFO_SIZE: u8 = 128;

/// Captures the inputs that were not resident, of the call of this shape in a thread's slot, whose record has
/// what it returned.
#[inline(always)]
pub fn capture_late(shape: ShapeRef, tid: u32, key: u32) {
    let point = get!(shape, point).into();
    for (index, place) in [place!(shape, inputs[0]), place!(shape, inputs[1])].iter().enumerate() {
        if place.arg != NO_ARG {
            read_again(tid, key, point, index as u32);
        }
    }
}

/// An input of a call, as global functions are given it.
#[derive(Clone, Copy)]
pub struct Input {
    /// The thread whose slot the call is in.
    pub tid: u32,
    /// The slot's [key](slots::key).
    pub key: u32,
    /// The number of the call's shape.
    pub point: u32,
    /// Which of its inputs.
    pub index: u32,
}

impl Input {
    /// The call's shape, its record, and where the input goes.
    #[inline(always)]
    pub fn place(self) -> Option<(ShapeRef, &'static mut Record, Place)> {
        let slot = slots::of(self.tid, self.key)?;
        let shape = ShapeRef::of(self.point);
        // SAFETY: the thread's own slot, which it keeps while the program runs.
        let record = unsafe { &mut (*slot).record };
        Some((shape, record, place!(shape, inputs[self.index as usize & 1])))
    }
}

/// Each by itself. Global.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn read_again(tid: u32, key: u32, point: u32, index: u32) -> u32 {
    let Some(slot) = slots::of(tid, key) else { return 0 };
    again(slot, Input { tid, key, point, index });
    0
}

/// Reads it, which is as the kernel read it, or may be something else by now. Global.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn read_input(tid: u32, key: u32, point: u32, index: u32, is_late: u32) -> u32 {
    if let Some((_, record, place)) = (Input { tid, key, point, index }).place() {
        let capture = match read(record, place, place.size as usize) {
            Capture::Whole if is_late != 0 => Capture::Late,
            capture => capture,
        };
        set_capture(record, place, capture);
    }
    0
}

#[inline(always)]
fn again(slot: *mut Slot, input: Input) {
    let Input { tid, key, point, index } = input;
    let shape = ShapeRef::of(point);
    let place = place!(shape, inputs[index as usize & 1]);
    // SAFETY: the thread's own slot.
    let (record, switches, was_alone) =
        unsafe { (&mut (*slot).record, (*slot).switches, (*slot).was_alone != 0) };
    let ret = record.ret;
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
        read_input(tid, key, point, index, 0);
        return;
    }
    if held::input(shape, record, place, input) {
        // What a signal does is for all threads, of which another may have changed it since.
        let is_own = alone || !has(shape, flag::KEEPS_ACTION);
        set_capture(record, place, if is_own { Capture::Whole } else { Capture::Late });
        return;
    }
    if shared && ret >= 0 {
        // What is there now is the output.
        return;
    }
    read_input(tid, key, point, index, 1);
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
