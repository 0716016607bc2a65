//! kprobe.multi: one program for the entries of many functions, by fprobe (from 5.18). Which one it
//! is the caller's registers tell.

use aya_ebpf::{macros::kprobe, programs::ProbeContext};

use super::point;
use crate::{
    arch,
    calls::{Serves, enter},
    kernel::{regs::UserRegs, task::Task},
};

/// The program.
#[kprobe]
pub fn multi(ctx: ProbeContext) -> u32 {
    enter(&ctx);
    0
}

/// A thread enters the call that its registers tell. Says whether its return is to be seen, too.
#[inline(always)]
pub fn enter(ctx: &ProbeContext) -> bool {
    let regs = Task::registers(ctx);
    let is_compat = arch::is_compat(regs);
    let source = UserRegs::<false> { regs, is_compat, is_certain: true };
    enter::enter(Serves::Calls, || point::of(regs, is_compat), &source)
}
