//! fentry and fexit: programs for one function each, called by a trampoline that the kernel makes
//! from its types.

use aya_ebpf::programs::{FEntryContext, FExitContext};

use crate::{
    calls::{enter, exit, regs::UserRegs, signalfd::SignalfdRead},
    shapes::ShapeRef,
};

/// The entry stub of the calls at a point: its only argument is the caller's registers, by a pointer
/// whose type the verifier knows.
#[inline(always)]
pub fn enter<const POINT: u32>(ctx: &FEntryContext) -> u32 {
    let source = UserRegs::<true> { regs: ctx.arg(0), is_compat: POINT % 2 == 1 };
    enter::enter(|| Some(ShapeRef::of(POINT)), &source);
    0
}

/// `signalfd_read`.
#[inline(always)]
pub fn enter_read<const POINT: u32>(ctx: &FEntryContext) -> u32 {
    let source = SignalfdRead::of_file(ctx.arg(0), ctx.arg(1), ctx.arg(2));
    enter::enter(|| Some(ShapeRef::of(POINT)), &source);
    0
}

/// `signalfd_read_iter`.
#[inline(always)]
pub fn enter_read_iter<const POINT: u32>(ctx: &FEntryContext) -> u32 {
    enter::enter(|| Some(ShapeRef::of(POINT)), &SignalfdRead::of_iter(ctx.arg(0), ctx.arg(1)));
    0
}

/// The return of row `ROW` from a function of so many arguments: what it returned comes after them.
/// (The helper that gets it, too, is not there before 5.17.)
#[inline(always)]
pub fn exit<const ROW: u16, const ARGS: usize>(ctx: &FExitContext) -> u32 {
    exit::exit(Some(ROW), ctx.arg(ARGS));
    0
}
