//! What follows the part of a siginfo that the kernel keeps.
//!
//! It takes 48 of its 128 bytes, and looks at the others where it does not know the code: they have to be
//! zeros (`post_copy_siginfo_from_user`, `kernel/signal.c`). Of a 32-bit or an x32 sender it reads all.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use sigtrace_common::{Capture, Record};

use super::{
    exit::EFAULT,
    user::{arg, place, set_capture},
};
use crate::{
    shapes::{ShapeRef, get},
    slots,
};

/// E2BIG: it was not zeros.
pub const E2BIG: i64 = -7;

/// Words of it (`SI_EXPANSION_SIZE`).
const WORDS: usize = 10;

/// Says of the siginfo in a thread's slot whether what follows it explains that the call of the shape at
/// `point` returned `ret`. Global.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn explain_refusal(tid: u32, key: u32, point: u32, ret: u32) -> u32 {
    let Some(slot) = slots::of(tid, key) else { return 0 };
    // SAFETY: the thread's own slot.
    explain(unsafe { &mut (*slot).record }, ShapeRef::of(point), i64::from(ret as i32));
    0
}

#[inline(always)]
fn explain(record: &mut Record, shape: ShapeRef, ret: i64) {
    let place = place!(shape, inputs[0]);
    let capture = record.captures[place.arg as usize & (sigtrace_common::MAX_ARGS - 1)];
    if capture != Capture::Whole as u8 && capture != Capture::Late as u8 {
        return;
    }
    let mut rest = MaybeUninit::<[u64; WORDS]>::uninit();
    let start = arg(record, place.arg).wrapping_add(u64::from(place.size));
    // SAFETY: the helper checks the source; the destination has the size given, and is written whole, with
    // zeroes if the helper fails.
    let (failed, rest) = unsafe {
        let failed = bpf_probe_read_user(
            rest.as_mut_ptr().cast::<c_void>(),
            size_of::<[u64; WORDS]>() as u32,
            start as *const c_void,
        );
        (failed != 0, rest.assume_init())
    };
    if failed {
        if ret == EFAULT {
            set_capture(record, place, Capture::Cut);
        }
    } else if ret == E2BIG && rest.iter().any(|word| *word != 0) {
        set_capture(record, place, Capture::Nonzero);
    }
}
