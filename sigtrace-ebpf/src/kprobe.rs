//! kprobe and kretprobe: how the pairs get at arguments and at the returned value.

use aya_ebpf::programs::{ProbeContext, RetProbeContext};

use crate::body;

/// The entry stub's only argument is the caller's registers.
#[inline(always)]
pub fn enter<const ROW: usize, const ABI: u8>(ctx: &ProbeContext) -> u32 {
    body::enter::<ROW, ABI>(arg(ctx, 0));
    0
}

/// `signalfd_read`.
#[inline(always)]
pub fn enter_read<const ROW: usize>(ctx: &ProbeContext) -> u32 {
    body::enter_read::<ROW>(arg(ctx, 0), arg(ctx, 1), arg(ctx, 2));
    0
}

/// `signalfd_read_iter`.
#[inline(always)]
pub fn enter_read_iter<const ROW: usize>(ctx: &ProbeContext) -> u32 {
    body::enter_read_iter::<ROW>(arg(ctx, 0), arg(ctx, 1));
    0
}

/// The return of row `ROW`.
#[inline(always)]
pub fn exit<const ROW: usize>(ctx: &RetProbeContext) -> u32 {
    body::exit::<ROW>(ctx.ret());
    0
}

#[inline(always)]
fn arg(ctx: &ProbeContext, index: usize) -> u64 {
    ctx.arg(index).unwrap_or(0)
}
