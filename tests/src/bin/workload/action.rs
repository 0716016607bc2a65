//! `struct sigaction`, and handlers that return.

use std::arch::naked_asm;

use serde_json::{Value, json};
use sigtrace_tests::names::{SA, flags, hex, pointer, set};

use crate::abi::{self, longs, word};
use crate::masks;
use crate::memory::keep_bytes;
use crate::pointer::{self, Ptr};

/// What a signal does, as the kernel is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    pub(crate) handler: u64,
    pub(crate) flags: u64,
    pub(crate) restorer: u64,
    pub(crate) mask: u64,
}

pub(crate) const SIG_DFL: u64 = 0;
pub(crate) const SIG_IGN: u64 = 1;
pub(crate) const SA_SIGINFO: u64 = 4;
pub(crate) const SA_RESTORER: u64 = 0x0400_0000;
pub(crate) const SA_ONSTACK: u64 = 0x0800_0000;

/// What is left of a mask that the kernel has taken: nobody blocks SIGKILL and SIGSTOP.
pub(crate) const BLOCKABLE: u64 = !(1 << 8 | 1 << 18);

/// The action of a signal nobody has touched.
pub(crate) const DEFAULT: Action = Action { handler: SIG_DFL, flags: 0, restorer: 0, mask: 0 };

impl Action {
    /// The action that calls `function`, with these flags.
    pub(crate) fn calling(function: extern "C" fn(i32), flags: u64) -> Self {
        let restorer = word(pointer::address(restorer(flags) as *const ()));
        let handler = word(pointer::address(function as *const ()));
        Self { handler, flags: flags | SA_RESTORER, restorer, mask: 0 }
    }

    /// As sigtrace has to show it.
    pub(crate) fn shown(&self) -> Value {
        // C libraries sign-extend the word from 32 bits; that is no flag.
        let upper = self.flags >> 32;
        let sign = if self.flags >> 31 & 1 == 1 { u64::from(u32::MAX) } else { 0 };
        let extended = upper == sign || abi::is_narrow();
        let word = if extended { self.flags & u64::from(u32::MAX) } else { self.flags };
        json!({
            "handler": handler(self.handler),
            "flags": flags(word, SA),
            "restorer": pointer(self.restorer),
            "mask": set(self.mask),
        })
    }

    /// A pointer to it, for the call to read.
    pub(crate) fn given(self) -> Ptr {
        pointer::to(keep_bytes(&self.bytes()), self.shown())
    }

    /// A pointer to room that the call fills with it.
    pub(crate) fn gotten(self) -> Ptr {
        let elsewhere = Action { handler: 0x5555, flags: 0x55, restorer: 0x55, mask: 0x55 };
        pointer::to(keep_bytes(&elsewhere.bytes()), self.shown())
    }

    /// Its bytes, the mask last.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let words = longs(&[self.handler, self.flags, self.restorer]);
        [words, self.mask.to_ne_bytes().into()].concat()
    }
}

/// How sigtrace has to show the word that says what to do.
pub(crate) fn handler(word: u64) -> Value {
    match word {
        SIG_DFL => json!("SIG_DFL"),
        SIG_IGN => json!("SIG_IGN"),
        address => json!(hex(address)),
    }
}

/// A handler that does nothing but to note what is blocked.
pub(crate) extern "C" fn nothing(_: i32) {
    masks::in_handler();
}

/// Where a handler with these flags returns to.
fn restorer(flags: u64) -> extern "C" fn() {
    #[cfg(target_pointer_width = "32")]
    if flags & SA_SIGINFO == 0 {
        return restore_old;
    }
    let _ = flags;
    restore
}

/// Calls rt_sigreturn. Called by nobody else.
#[unsafe(naked)]
extern "C" fn restore() {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("mov eax, 15", "syscall");
    #[cfg(target_arch = "aarch64")]
    naked_asm!("mov x8, #139", "svc #0");
    #[cfg(target_arch = "x86")]
    naked_asm!("mov eax, 173", "int 0x80");
    #[cfg(target_arch = "arm")]
    naked_asm!("mov r7, #173", "svc #0");
}

/// Calls sigreturn, which on x86 expects the signal taken off the stack.
#[cfg(target_pointer_width = "32")]
#[unsafe(naked)]
extern "C" fn restore_old() {
    #[cfg(target_arch = "x86")]
    naked_asm!("pop eax", "mov eax, 119", "int 0x80");
    #[cfg(target_arch = "arm")]
    naked_asm!("mov r7, #119", "svc #0");
}
