//! The current thread's kernel stack, at whose top the registers are that it entered the kernel with.

use sigtrace_common::NO_CALL;

use super::object::Object;
#[cfg(bpf_target_arch = "x86_64")]
use super::task::Task;
use crate::config::config;

/// `THREAD_SIZE`: a kernel stack (`arch/x86/include/asm/page_64_types.h`,
/// `arch/arm64/include/asm/memory.h`), at whose top the user's registers are. Kernels built with
/// KASAN have larger ones, and so has arm64 with pages of 64 KB.
const THREAD_SIZE: u64 = 16384;

/// `TOP_OF_KERNEL_STACK_PADDING` with `CONFIG_X86_FRED` (`arch/x86/include/asm/thread_info.h`).
pub const PADDING: u64 = 16;

/// A stack, by its lowest address.
#[derive(Clone, Copy)]
pub struct Stack(u64);

impl Stack {
    /// The current thread's.
    #[inline(always)]
    pub fn current() -> Self {
        Self(Object::current().get(config!(offsets.task_stack)))
    }

    /// Whether it is what is at an address.
    #[inline(always)]
    pub fn has(self, address: u64) -> bool {
        address.wrapping_sub(self.0) < THREAD_SIZE
    }

    /// Where the registers are, if so much is above them.
    #[inline(always)]
    pub fn registers(self, padding: u64) -> u64 {
        self.0.wrapping_add(THREAD_SIZE - padding - u64::from(config!(offsets.pt_regs_size)))
    }
}

/// The system call that a thread is in.
#[derive(Clone, Copy)]
pub struct Call {
    /// Its number, [`NO_CALL`] if it is in none: it came by an exception or an interrupt, or is the
    /// kernel's.
    pub number: u32,
    /// Whether it came through the interface of 32-bit callers.
    pub is_compat: bool,
    /// What is in the registers of the first three arguments.
    pub args: [u64; 3],
}

impl Call {
    const NONE: Self = Self { number: NO_CALL, is_compat: false, args: [0; 3] };

    /// What the thread is in whose stack this is.
    #[cfg(bpf_target_arch = "x86_64")]
    #[inline(always)]
    pub fn of(stack: Stack) -> Self {
        use sigtrace_common::regs::x86;
        /// `orig_ax` is negative in an exception and in an interrupt (`arch/x86/entry/entry_64.S`).
        const LAST: u64 = i32::MAX as u64;
        let Some(registers) = users(stack) else { return Self::NONE };
        let number: u64 = registers.get(x86::ORIG_AX as u32);
        if number > LAST {
            return Self::NONE;
        }
        let is_compat = Task::current().is_compat_by_member();
        let args = if is_compat {
            [x86::BX, x86::CX, x86::DX].map(|place| registers.get(place as u32))
        } else {
            [x86::DI, x86::SI, x86::DX].map(|place| registers.get(place as u32))
        };
        Self { number: number as u32 & !(x86::X32_SYSCALL_BIT as u32), is_compat, args }
    }

    /// What the thread is in whose stack this is.
    #[cfg(bpf_target_arch = "aarch64")]
    #[inline(always)]
    pub fn of(stack: Stack) -> Self {
        use sigtrace_common::regs::aarch64;
        /// `PSR_MODE_MASK`, of which nothing is set for who comes from EL0, but for the bit of a
        /// 32-bit caller (`arch/arm64/include/uapi/asm/ptrace.h`).
        const EXCEPTION_LEVEL: u64 = 0xf;
        let registers = Object::registers(stack.registers(0));
        let number: i32 = registers.get(aarch64::SYSCALLNO as u32);
        let pstate: u64 = registers.get(aarch64::PSTATE as u32);
        // `NO_SYSCALL` is -1.
        if number < 0 || pstate & EXCEPTION_LEVEL != 0 {
            return Self::NONE;
        }
        let is_compat = pstate & aarch64::PSTATE_32BIT != 0;
        let args = [0, 8, 16].map(|place| registers.get(aarch64::X0 as u32 + place));
        Self { number: number as u32, is_compat, args }
    }
}

/// The address of the instruction that the thread whose stack this is was at when it entered the kernel; 0 if it is the
/// kernel's.
#[cfg(bpf_target_arch = "x86_64")]
#[inline(always)]
pub fn instruction(stack: Stack) -> u64 {
    match users(stack) {
        Some(registers) => registers.get(sigtrace_common::regs::x86::IP as u32),
        None => 0,
    }
}

/// Likewise.
#[cfg(bpf_target_arch = "aarch64")]
#[inline(always)]
pub fn instruction(stack: Stack) -> u64 {
    Object::registers(stack.registers(0)).get(sigtrace_common::regs::aarch64::PC as u32)
}

/// The registers of a program, which there are unless the thread is one of the kernel's.
#[cfg(bpf_target_arch = "x86_64")]
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
#[cfg(bpf_target_arch = "x86_64")]
#[inline(always)]
fn is_users(registers: Object) -> bool {
    let cs: u16 = registers.get(sigtrace_common::regs::x86::CS as u32);
    cs == USER_CS || cs == USER32_CS
}

/// `__USER_CS` and `__USER32_CS` (`arch/x86/include/asm/segment.h`).
#[cfg(bpf_target_arch = "x86_64")]
const USER_CS: u16 = 0x33;
#[cfg(bpf_target_arch = "x86_64")]
const USER32_CS: u16 = 0x23;
