//! `struct sigaction`, and handlers that return.

use std::arch::naked_asm;

use serde_json::{Value, json};
use sigtrace_tests::names::{SA, flags, hex, pointer, set};

use crate::pointer::{self, Ptr};

/// The kernel's structure.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Action {
    pub(crate) handler: u64,
    pub(crate) flags: u64,
    pub(crate) restorer: u64,
    pub(crate) mask: u64,
}

pub(crate) const SIG_DFL: u64 = 0;
pub(crate) const SIG_IGN: u64 = 1;
pub(crate) const SA_RESTORER: u64 = 0x0400_0000;
pub(crate) const SA_ONSTACK: u64 = 0x0800_0000;

/// What is left of a mask that the kernel has taken: nobody blocks SIGKILL and SIGSTOP.
pub(crate) const BLOCKABLE: u64 = !(1 << 8 | 1 << 18);

/// The action of a signal nobody has touched.
pub(crate) const DEFAULT: Action = Action { handler: SIG_DFL, flags: 0, restorer: 0, mask: 0 };

impl Action {
    /// The action that calls `function`, with these flags.
    pub(crate) fn calling(function: extern "C" fn(i32), flags: u64) -> Self {
        let restorer = pointer::address(restore as *const ());
        let handler = pointer::address(function as *const ());
        Self { handler, flags: flags | SA_RESTORER, restorer, mask: 0 }
    }

    /// As sigtrace has to show it.
    pub(crate) fn shown(&self) -> Value {
        let handler = match self.handler {
            SIG_DFL => json!("SIG_DFL"),
            SIG_IGN => json!("SIG_IGN"),
            address => json!(hex(address)),
        };
        // C libraries sign-extend the word from 32 bits; that is no flag.
        let upper = self.flags >> 32;
        let sign = if self.flags >> 31 & 1 == 1 { u64::from(u32::MAX) } else { 0 };
        let word = if upper == sign { self.flags & u64::from(u32::MAX) } else { self.flags };
        json!({
            "handler": handler,
            "flags": flags(word, SA),
            "restorer": pointer(self.restorer),
            "mask": set(self.mask),
        })
    }

    /// A pointer to it, for the call to read.
    pub(crate) fn given(self) -> Ptr {
        pointer::to(Box::leak(Box::new(self)), self.shown())
    }

    /// A pointer to room that the call fills with it.
    pub(crate) fn gotten(self) -> Ptr {
        let elsewhere = Action { handler: 0x5555, flags: 0x55, restorer: 0x55, mask: 0x55 };
        pointer::to(Box::leak(Box::new(elsewhere)), self.shown())
    }

    pub(crate) fn words(self) -> [u64; 4] {
        [self.handler, self.flags, self.restorer, self.mask]
    }
}

/// A handler that does nothing.
pub(crate) extern "C" fn nothing(_: i32) {}

/// Where handlers return to: rt_sigreturn. Called by nobody else.
#[unsafe(naked)]
pub(crate) extern "C" fn restore() {
    naked_asm!("mov eax, 15", "syscall")
}
