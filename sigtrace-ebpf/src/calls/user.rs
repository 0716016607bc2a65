//! The structures behind pointer arguments, in the caller's memory.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use sigtrace_common::{
    Capture, DATA_OFFSET, DATA_SIZE, MAX_ARGS, NO_ARG, Place, Record, Slot, flag, undecided,
};

use super::masks;
use crate::shapes::{ShapeRef, get, has};

/// Reads one member of a place of a shape.
macro_rules! place {
    ($shape:expr, $($place:tt)+) => {
        sigtrace_common::Place {
            arg: get!($shape, $($place)+.arg),
            at: get!($shape, $($place)+.at),
            size: get!($shape, $($place)+.size),
            is_sized: get!($shape, $($place)+.is_sized),
        }
    };
}
pub(crate) use place;

/// The largest size of a structure that the verifier is to expect, and the largest place in the data, each
/// being at a multiple of 8: together they are inside a slot.
const SIZE: usize = 63;
const PLACE: usize = 56;

const _: () = assert!(DATA_OFFSET + PLACE + SIZE <= size_of::<Slot>() && DATA_SIZE - 16 <= PLACE);

/// An argument by its index.
#[inline(always)]
pub fn arg(record: &Record, index: u8) -> u64 {
    record.args[index as usize & (MAX_ARGS - 1)]
}

/// Captures the structures that the kernel reads. Says what is left to be done about them, as a bit of
/// [`undecided`].
#[inline(always)]
pub fn capture_inputs(shape: ShapeRef, record: &mut Record) -> u32 {
    input(shape, place!(shape, inputs[0]), record) | input(shape, place!(shape, inputs[1]), record)
}

#[inline(always)]
fn input(shape: ShapeRef, place: Place, record: &mut Record) -> u32 {
    if place.arg == NO_ARG || place.is_sized != 0 && arg(record, get!(shape, set_size)) != 8 {
        return 0;
    }
    let capture = read(record, place, place.size as usize);
    set_capture(record, place, capture);
    if matches!(capture, Capture::Unreadable) { undecided::INPUT } else { 0 }
}

/// Captures the output of a call that succeeded.
#[inline(always)]
pub fn capture_output(shape: ShapeRef, record: &mut Record) {
    let place = place!(shape, output);
    if place.arg == NO_ARG || arg(record, place.arg) == 0 {
        return;
    }
    let capture = if has(shape, flag::TELLS_OLD_MASK) && masks::are_known() {
        // What the kernel wrote is what was blocked before, which is there already.
        Capture::Whole
    } else if has(shape, flag::CUTS_OUTPUT) {
        let given = arg(record, get!(shape, set_size));
        if given >= 8 {
            read(record, place, place.size as usize)
        } else if given == 0 {
            // Nothing was written.
            Capture::None
        } else {
            write_word(record, place, 0);
            read(record, place, given as usize & 7)
        }
    } else {
        read(record, place, place.size as usize)
    };
    set_capture(record, place, capture);
}

/// Says of an argument how its structure was captured.
#[inline(always)]
pub fn set_capture(record: &mut Record, place: Place, capture: Capture) {
    record.captures[place.arg as usize & (MAX_ARGS - 1)] = capture as u8;
}

/// Where a structure goes.
#[inline(always)]
pub fn destination(record: &mut Record, place: Place) -> *mut u8 {
    // SAFETY: inside the slot, of which the record is the beginning.
    unsafe { (&raw mut record.data).cast::<u8>().add(place.at as usize & PLACE) }
}

/// Puts a set where one goes.
#[inline(always)]
pub fn write_word(record: &mut Record, place: Place, word: u64) {
    // SAFETY: a set is 4 or 8 bytes at a multiple of 8.
    unsafe { destination(record, place).cast::<u64>().write(word) };
}

/// Captures the first bytes of a structure.
#[inline(always)]
pub fn read(record: &mut Record, place: Place, size: usize) -> Capture {
    let address = arg(record, place.arg);
    if address == 0 {
        return Capture::None;
    }
    // SAFETY: `data` has room for every structure of a row (asserted in the common crate), and the
    // verifier is told that it stays inside the slot; the helper checks the source.
    let failed = unsafe {
        bpf_probe_read_user(
            destination(record, place).cast::<c_void>(),
            (size & SIZE) as u32,
            address as *const c_void,
        )
    };
    if failed == 0 { Capture::Whole } else { Capture::Unreadable }
}

/// The signal set at a place, if it was captured.
#[inline(always)]
pub fn set(record: &Record, place: Place) -> u64 {
    // SAFETY: a set is 4 or 8 bytes at a multiple of 8, inside the slot.
    unsafe {
        let start = (&raw const record.data).cast::<u8>().add(place.at as usize & PLACE);
        if place.size == 4 {
            u64::from(start.cast::<u32>().read())
        } else {
            start.cast::<u64>().read()
        }
    }
}

/// Reads a set whose halves are at two addresses. Says whether both could be read.
#[inline(always)]
pub fn halves(data: &mut [u8; DATA_SIZE], low: u64, high: u64) -> bool {
    let start = data.as_mut_ptr().cast::<c_void>();
    // SAFETY: `data` has room for a set; the helper checks the source.
    unsafe {
        bpf_probe_read_user(start, 4, low as *const c_void) == 0
            && bpf_probe_read_user(start.add(4), 4, high as *const c_void) == 0
    }
}
