//! kprobe and kretprobe: programs for one function each, by perf events. Every kernel has them.

use aya_ebpf::programs::{ProbeContext, RetProbeContext};

use super::point::is_of_compat;
use crate::{
    calls::{Serves, enter, exit, signalfd::SignalfdRead},
    kernel::{regs::UserRegs, task::Task},
    shapes::ShapeRef,
};

/// The entry stub of the calls at a point: its only argument is the caller's registers. Says whether
/// the return is of interest.
#[inline(always)]
pub fn enter<const POINT: u32>(ctx: &ProbeContext) -> bool {
    let is_compat = is_of_compat(POINT);
    let source = UserRegs::<false> { regs: Task::registers(ctx), is_compat, is_certain: false };
    enter::enter(Serves::Call, || Some(ShapeRef::of(POINT)), &source)
}

/// `signalfd_read`.
#[inline(always)]
pub fn enter_read<const POINT: u32>(ctx: &ProbeContext) -> bool {
    let source = SignalfdRead::of_file(arg(ctx, 0), arg(ctx, 1), arg(ctx, 2));
    enter::enter(Serves::Reads, || Some(ShapeRef::of(POINT)), &source)
}

/// `signalfd_read_iter`.
#[inline(always)]
pub fn enter_read_iter<const POINT: u32>(ctx: &ProbeContext) -> bool {
    let source = SignalfdRead::of_iter(arg(ctx, 0), arg(ctx, 1));
    enter::enter(Serves::Reads, || Some(ShapeRef::of(POINT)), &source)
}

/// The return from the function that is for the calls at a point.
#[inline(always)]
pub fn exit<const POINT: u32>(ctx: &RetProbeContext) -> u32 {
    exit::exit(Serves::Call, Some(POINT), ctx.ret());
    0
}

/// The return from either of the functions that read from a signalfd.
#[inline(always)]
pub fn exit_read<const POINT: u32>(ctx: &RetProbeContext) -> u32 {
    exit::exit(Serves::Reads, Some(POINT), ctx.ret());
    0
}

#[inline(always)]
fn arg(ctx: &ProbeContext, index: usize) -> u64 {
    ctx.arg(index).unwrap_or(0)
}
