//! x86, whose 64-bit kernels have callers of i386 and of x32, too.

use sigtrace_common::{Abi, Frame, MAX_ARGS, regs::x86};

use crate::{
    config::config,
    kernel::{
        load,
        object::Object,
        read,
        regs::UserRegs,
        stack::{Call, Stack},
        task::Task,
    },
    shapes::{ShapeRef, get},
};

/// The interface of callers that have as many bits as the kernel.
pub const NATIVE: Abi = Abi::X86_64;

/// Whether what an interrupt does is on a stack of its own, whatever it interrupts. Here one that comes in a program
/// is served on the thread's (`run_irq_on_irqstack_cond`, `arch/x86/include/asm/irq_stack.h`).
pub const INTERRUPTS_HAVE_STACKS: bool = false;

/// `TS_COMPAT` (`arch/x86/include/asm/thread_info.h`).
const TS_COMPAT: u32 = 2;

/// `TOP_OF_KERNEL_STACK_PADDING` with `CONFIG_X86_FRED` (`arch/x86/include/asm/thread_info.h`).
const PADDING: u64 = 16;

/// `__USER_CS` and `__USER32_CS` (`arch/x86/include/asm/segment.h`).
const USER_CS: u16 = 0x33;
const USER32_CS: u16 = 0x23;

/// The arguments of a 64-bit call: the registers lie in the order of the arguments reversed, the fourth apart
/// from the others.
#[inline(always)]
pub fn native_args<const TYPED: bool>(
    regs: &UserRegs<TYPED>,
    count: usize,
) -> Option<[u64; MAX_ARGS]> {
    if UserRegs::<TYPED>::is_typed() {
        return Some(regs.loaded(count, [x86::DI, x86::SI, x86::DX, x86::R10]));
    }
    let [r10, _r9, _r8, _ax, _cx, dx, si, di] = regs.read(x86::R10)?;
    Some([di, si, dx, r10])
}

/// The arguments of a 32-bit call: bx, cx, dx, si, in order, with others between the first two.
#[inline(always)]
pub fn compat_args<const TYPED: bool>(
    regs: &UserRegs<TYPED>,
    count: usize,
) -> Option<[u64; MAX_ARGS]> {
    if UserRegs::<TYPED>::is_typed() {
        return Some(regs.loaded(count, [x86::BX, x86::CX, x86::DX, x86::SI]));
    }
    let [bx, _r11, _r10, _r9, _r8, _ax, cx, dx, si] = regs.read(x86::BX)?;
    Some([bx, cx, dx, si])
}

/// Whether a call that callers of both kinds enter by one function came through the interface of 32-bit ones:
/// its number tells.
#[inline(always)]
pub fn is_of_compat_caller<const TYPED: bool>(regs: &UserRegs<TYPED>, shape: ShapeRef) -> bool {
    regs.register(x86::ORIG_AX)
        .is_some_and(|number| number == u64::from(get!(shape, compat_number)))
}

/// Where the registers have the stack pointer of a caller with such a frame.
#[inline(always)]
pub fn stack_pointer(_frame: u8) -> usize {
    x86::SP
}

/// Where the signal frame at the stack pointer keeps the mask to restore; the second, if its halves
/// are apart.
#[inline(always)]
pub fn mask_in(frame: u8) -> [u64; 2] {
    if frame == Frame::X32 as u8 {
        [x86::SIGFRAME_MASK_X32, 0]
    } else if frame == Frame::Native as u8 {
        [x86::SIGFRAME_MASK, 0]
    } else if frame == Frame::Compat as u8 {
        [x86::SIGFRAME_MASK_I386, 0]
    } else {
        x86::OLD_SIGFRAME_MASK_I386
    }
}

/// The number of the call whose registers these are, given by a pointer with a type.
#[inline(always)]
pub fn number(regs: *const u8) -> u32 {
    // SAFETY: a typed pointer.
    let number: u64 = unsafe { load(regs, x86::ORIG_AX as u32) };
    number as u32 & !(x86::X32_SYSCALL_BIT as u32)
}

/// Whether the call came through the interface of 32-bit callers; only where members of a `task_struct` can be
/// loaded.
#[inline(always)]
pub fn is_compat(_regs: *const u8) -> bool {
    // SAFETY: a typed pointer.
    unsafe { load::<u32>(Task::current().as_ptr(), config!(offsets.task_status)) & TS_COMPAT != 0 }
}

/// The descriptor and the interface of a read, if the current thread, whose stack this is, is in one.
#[inline(always)]
pub fn reading(stack: Stack) -> Option<(u32, Abi)> {
    match reading_at(stack.registers(0)) {
        Some(found) => Some(found),
        None => reading_at(stack.registers(PADDING)),
    }
}

#[inline(always)]
fn reading_at(regs: u64) -> Option<(u32, Abi)> {
    let number: u64 = read(regs.wrapping_add(x86::ORIG_AX as u64));
    // read, pread64, readv, preadv, preadv2, by arch/x86/entry/syscalls/syscall_{64,32}.tbl: no
    // number of one is among those of the other that can come here.
    let (register, abi) = match number & !x86::X32_SYSCALL_BIT {
        0 | 17 | 19 | 295 | 327 => (x86::DI, Abi::X86_64),
        515 | 534 | 546 => (x86::DI, Abi::X32),
        3 | 145 | 180 | 333 | 378 => (x86::BX, Abi::I386),
        _ => return None,
    };
    Some((read::<u64>(regs.wrapping_add(register as u64)) as u32, abi))
}

/// What the thread is in whose stack this is.
#[inline(always)]
pub fn call(stack: Stack) -> Call {
    /// `orig_ax` is negative in an exception and in an interrupt (`arch/x86/entry/entry_64.S`).
    const LAST: u64 = i32::MAX as u64;
    let Some(registers) = users(stack) else { return Call::NONE };
    let number: u64 = registers.get(x86::ORIG_AX as u32);
    if number > LAST {
        return Call::NONE;
    }
    let status = config!(offsets.task_status);
    let is_compat = status != 0 && Object::current().get::<u32>(status) & TS_COMPAT != 0;
    let args = if is_compat {
        [x86::BX, x86::CX, x86::DX].map(|place| registers.get(place as u32))
    } else {
        [x86::DI, x86::SI, x86::DX].map(|place| registers.get(place as u32))
    };
    Call { number: number as u32 & !(x86::X32_SYSCALL_BIT as u32), is_compat, args }
}

/// The address of the instruction that the thread whose stack this is was at when it entered the kernel; 0 if it is the
/// kernel's.
#[inline(always)]
pub fn instruction(stack: Stack) -> u64 {
    match users(stack) {
        Some(registers) => registers.get(x86::IP as u32),
        None => 0,
    }
}

/// The registers of a program, which there are unless the thread is one of the kernel's.
#[inline(always)]
fn users(stack: Stack) -> Option<Object> {
    let registers = Object::registers(stack.registers(0));
    if is_users(registers) {
        return Some(registers);
    }
    let registers = Object::registers(stack.registers(PADDING));
    if is_users(registers) { Some(registers) } else { None }
}

/// Whether they are those of a program: the lowest two bits of `cs` are its privilege.
#[inline(always)]
fn is_users(registers: Object) -> bool {
    let cs: u16 = registers.get(x86::CS as u32);
    cs == USER_CS || cs == USER32_CS
}
