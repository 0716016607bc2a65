//! The current thread's kernel stack, at whose top the registers are that it entered the kernel with.

use sigtrace_common::NO_CALL;

use super::object::Object;
use crate::config::config;

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
        address.wrapping_sub(self.0) < u64::from(config!(stack_size))
    }

    /// Where the registers are, if so much is above them.
    #[inline(always)]
    pub fn registers(self, padding: u64) -> u64 {
        let below = config!(stack_size).wrapping_sub(config!(offsets.pt_regs_size));
        self.0.wrapping_add(u64::from(below)).wrapping_sub(padding)
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
    /// None.
    pub const NONE: Self = Self { number: NO_CALL, is_compat: false, args: [0; 3] };
}
