//! fentry and fexit: how the trampolines get at arguments and at the returned value.

use aya_ebpf::programs::{FEntryContext, FExitContext};

use crate::body;

/// The entry stub's only argument is the caller's registers.
#[inline(always)]
pub fn enter<const ROW: usize, const ABI: u8>(ctx: &FEntryContext) -> u32 {
    body::enter::<ROW, ABI>(ctx.arg(0));
    0
}

/// `signalfd_read`.
#[inline(always)]
pub fn enter_read<const ROW: usize>(ctx: &FEntryContext) -> u32 {
    body::enter_read::<ROW>(ctx.arg(0), ctx.arg(1), ctx.arg(2));
    0
}

/// `signalfd_read_iter`.
#[inline(always)]
pub fn enter_read_iter<const ROW: usize>(ctx: &FEntryContext) -> u32 {
    body::enter_read_iter::<ROW>(ctx.arg(0), ctx.arg(1));
    0
}

/// The return of row `ROW` from a function of so many arguments: what it returned comes after them.
/// (The helper that gets it, too, is not there before 5.17.)
#[inline(always)]
pub fn exit<const ROW: usize, const ARGS: usize>(ctx: &FExitContext) -> u32 {
    body::exit::<ROW>(ctx.arg(ARGS));
    0
}
