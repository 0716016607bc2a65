//! kprobe and kretprobe: how the pairs get at the caller's registers and the returned value.

use aya_ebpf::programs::{ProbeContext, RetProbeContext};

use crate::{capture, regs::UserRegs};

/// The entry of row `ROW`: the entry stub's only argument is the caller's registers.
#[inline(always)]
pub fn enter<const ROW: usize>(ctx: &ProbeContext) -> u32 {
    if let Some(regs) = ctx.arg::<*const u8>(0) {
        capture::enter::<ROW>(UserRegs(regs));
    }
    0
}

/// The return of row `ROW`.
#[inline(always)]
pub fn exit<const ROW: usize>(ctx: &RetProbeContext) -> u32 {
    capture::exit::<ROW>(ctx.ret());
    0
}
