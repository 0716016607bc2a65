//! Arm of 64 bits, whose kernels have callers of 32 bits, too. The arguments of both are in the same registers, and
//! the processor's state tells which it is.

use sigtrace_common::{Abi, Frame, MAX_ARGS, regs::aarch64};

use crate::{
    kernel::{
        load,
        object::Object,
        read,
        regs::UserRegs,
        stack::{Call, Stack},
    },
    shapes::ShapeRef,
};

/// The interface of callers that have as many bits as the kernel.
pub const NATIVE: Abi = Abi::Aarch64;

/// Whether what an interrupt does is on a stack of its own, whatever it interrupts: `do_interrupt_handler`,
/// `arch/arm64/kernel/entry-common.c`, and for softirqs, from 6.1 on, `CONFIG_SOFTIRQ_ON_OWN_STACK`.
pub const INTERRUPTS_HAVE_STACKS: bool = true;

/// The arguments of a call: they are in order.
#[inline(always)]
pub fn native_args<const TYPED: bool>(
    regs: &UserRegs<TYPED>,
    count: usize,
) -> Option<[u64; MAX_ARGS]> {
    if UserRegs::<TYPED>::is_typed() {
        return Some(regs.loaded(count, [0, 8, 16, 24].map(|offset| aarch64::X0 + offset)));
    }
    regs.read(aarch64::X0)
}

/// The arguments of a 32-bit call: likewise.
#[inline(always)]
pub fn compat_args<const TYPED: bool>(
    regs: &UserRegs<TYPED>,
    count: usize,
) -> Option<[u64; MAX_ARGS]> {
    native_args(regs, count)
}

/// Whether a call that callers of both kinds enter by one function came through the interface of 32-bit ones.
#[inline(always)]
pub fn is_of_compat_caller<const TYPED: bool>(regs: &UserRegs<TYPED>, _shape: ShapeRef) -> bool {
    regs.register(aarch64::PSTATE).is_some_and(|pstate| pstate & aarch64::PSTATE_32BIT != 0)
}

/// Where the registers have the stack pointer of a caller with such a frame.
#[inline(always)]
pub fn stack_pointer(frame: u8) -> usize {
    if frame == Frame::Native as u8 { aarch64::SP } else { aarch64::R13 }
}

/// Where the signal frame at the stack pointer keeps the mask to restore; the second, if its halves
/// are apart.
#[inline(always)]
pub fn mask_in(frame: u8) -> [u64; 2] {
    if frame == Frame::Native as u8 {
        [aarch64::SIGFRAME_MASK, 0]
    } else if frame == Frame::Compat as u8 {
        [aarch64::SIGFRAME_MASK_ARM, 0]
    } else {
        aarch64::OLD_SIGFRAME_MASK_ARM
    }
}

/// The number of the call whose registers these are, given by a pointer with a type.
#[inline(always)]
pub fn number(regs: *const u8) -> u32 {
    // SAFETY: a typed pointer.
    unsafe { load(regs, aarch64::SYSCALLNO as u32) }
}

/// Whether the call came through the interface of 32-bit callers.
#[inline(always)]
pub fn is_compat(regs: *const u8) -> bool {
    // SAFETY: a typed pointer.
    unsafe { load::<u64>(regs, aarch64::PSTATE as u32) & aarch64::PSTATE_32BIT != 0 }
}

/// The descriptor and the interface of a read, if the current thread, whose stack this is, is in one.
#[inline(always)]
pub fn reading(stack: Stack) -> Option<(u32, Abi)> {
    let regs = stack.registers(0);
    let fd = read::<u64>(regs.wrapping_add(aarch64::X0 as u64)) as u32;
    let number: u32 = read(regs.wrapping_add(aarch64::SYSCALLNO as u64));
    let pstate: u64 = read(regs.wrapping_add(aarch64::PSTATE as u64));
    // read, readv, pread64, preadv, preadv2 (scripts/syscall.tbl, arch/arm64/tools/syscall_32.tbl).
    match (pstate & aarch64::PSTATE_32BIT == 0, number) {
        (true, 63 | 65 | 67 | 69 | 286) => Some((fd, Abi::Aarch64)),
        (false, 3 | 145 | 180 | 361 | 392) => Some((fd, Abi::Arm)),
        _ => None,
    }
}

/// What the thread is in whose stack this is.
#[inline(always)]
pub fn call(stack: Stack) -> Call {
    /// `PSR_MODE_MASK`, of which nothing is set for who comes from EL0, but for the bit of a
    /// 32-bit caller (`arch/arm64/include/uapi/asm/ptrace.h`).
    const EXCEPTION_LEVEL: u64 = 0xf;
    let registers = Object::registers(stack.registers(0));
    let number: i32 = registers.get(aarch64::SYSCALLNO as u32);
    let pstate: u64 = registers.get(aarch64::PSTATE as u32);
    // `NO_SYSCALL` is -1.
    if number < 0 || pstate & EXCEPTION_LEVEL != 0 {
        return Call::NONE;
    }
    let is_compat = pstate & aarch64::PSTATE_32BIT != 0;
    let args = [0, 8, 16].map(|place| registers.get(aarch64::X0 as u32 + place));
    Call { number: number as u32, is_compat, args }
}

/// The address of the instruction that the thread whose stack this is was at when it entered the kernel.
#[inline(always)]
pub fn instruction(stack: Stack) -> u64 {
    Object::registers(stack.registers(0)).get(aarch64::PC as u32)
}
