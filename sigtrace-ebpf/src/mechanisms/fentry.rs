//! fentry and fexit: programs for one function each, called by a trampoline that the kernel makes
//! from its types.

use aya_ebpf::programs::{FEntryContext, FExitContext};

use super::point::is_of_compat;
use crate::{
    calls::{Serves, enter, exit, signalfd::SignalfdRead},
    kernel::regs::UserRegs,
    shapes::ShapeRef,
};

/// The entry stub of the calls at a point: its only argument is the caller's registers, by a pointer
/// whose type the verifier knows.
#[inline(always)]
pub fn enter<const POINT: u32>(ctx: &FEntryContext) -> u32 {
    let source =
        UserRegs::<true> { regs: ctx.arg(0), is_compat: is_of_compat(POINT), is_certain: false };
    enter::enter(Serves::Call, || Some(ShapeRef::of(POINT)), &source);
    0
}

/// `signalfd_read`.
#[inline(always)]
pub fn enter_read<const POINT: u32>(ctx: &FEntryContext) -> u32 {
    let source = SignalfdRead::of_file(ctx.arg(0), ctx.arg(1), ctx.arg(2));
    enter::enter(Serves::Reads, || Some(ShapeRef::of(POINT)), &source);
    0
}

/// `signalfd_read_iter`.
#[inline(always)]
pub fn enter_read_iter<const POINT: u32>(ctx: &FEntryContext) -> u32 {
    let source = SignalfdRead::of_iter(ctx.arg(0), ctx.arg(1));
    enter::enter(Serves::Reads, || Some(ShapeRef::of(POINT)), &source);
    0
}

/// The return from a function of so many arguments that is for the calls at a point: what it returned
/// comes after them. (The helper that gets it, too, is not there before 5.17.)
#[inline(always)]
pub fn exit<const POINT: u32, const ARGS: usize>(ctx: &FExitContext) -> u32 {
    exit::exit(Serves::Call, Some(POINT), ctx.arg(ARGS));
    0
}

/// The return from either of the functions that read from a signalfd.
#[inline(always)]
pub fn exit_read<const POINT: u32, const ARGS: usize>(ctx: &FExitContext) -> u32 {
    exit::exit(Serves::Reads, Some(POINT), ctx.arg(ARGS));
    0
}
