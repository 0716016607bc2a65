//! kprobe and kretprobe: programs for one function each, by perf events. Every kernel has them.

use aya_ebpf::programs::{ProbeContext, RetProbeContext};

use crate::{
    calls::{enter, exit, regs::UserRegs, signalfd::SignalfdRead},
    kernel::task::Task,
    shapes::ShapeRef,
};

/// The entry stub of the calls at a point: its only argument is the caller's registers. Says whether
/// the return is of interest.
#[inline(always)]
pub fn enter<const POINT: u32>(ctx: &ProbeContext) -> bool {
    let is_compat = POINT % 2 == 1;
    let source = UserRegs::<false> { regs: Task::registers(ctx), is_compat };
    enter::enter(|| Some(ShapeRef::of(POINT)), &source)
}

/// `signalfd_read`.
#[inline(always)]
pub fn enter_read<const POINT: u32>(ctx: &ProbeContext) -> bool {
    let source = SignalfdRead::of_file(arg(ctx, 0), arg(ctx, 1), arg(ctx, 2));
    enter::enter(|| Some(ShapeRef::of(POINT)), &source)
}

/// `signalfd_read_iter`.
#[inline(always)]
pub fn enter_read_iter<const POINT: u32>(ctx: &ProbeContext) -> bool {
    let source = SignalfdRead::of_iter(arg(ctx, 0), arg(ctx, 1));
    enter::enter(|| Some(ShapeRef::of(POINT)), &source)
}

/// The return of row `ROW`.
#[inline(always)]
pub fn exit<const ROW: u16>(ctx: &RetProbeContext) -> u32 {
    exit::exit(Some(ROW), ctx.ret());
    0
}

#[inline(always)]
fn arg(ctx: &ProbeContext, index: usize) -> u64 {
    ctx.arg(index).unwrap_or(0)
}
