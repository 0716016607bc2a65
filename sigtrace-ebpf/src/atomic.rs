//! Adding to numbers that other processors change, too.

use core::intrinsics::{AtomicOrdering, atomic_xadd};

/// Adds to a number, atomically.
///
/// # Safety
///
/// It must be an aligned part of a map's element.
#[inline(always)]
pub unsafe fn add_u32(number: *mut u32, change: i32) {
    // SAFETY: the caller's promise; a map's element lives as long as the program.
    unsafe { atomic_xadd::<u32, u32, { AtomicOrdering::Relaxed }>(number, change as u32) };
}

/// Adds to a number, atomically.
///
/// # Safety
///
/// As [`add_u32`].
#[inline(always)]
pub unsafe fn add_u64(number: *mut u64, change: u64) {
    // SAFETY: the caller's promise; a map's element lives as long as the program.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(number, change) };
}
