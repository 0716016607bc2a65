//! Handlers of x32 programs, and how they return.

use std::ptr;

use sigtrace_tests::names::bits;

use crate::abi::x32;
use crate::action::{Action, BLOCKABLE, SA_RESTORER, SA_SIGINFO};
use crate::call::{kill, rt_sigaction, rt_sigprocmask};
use crate::pointer::{null, to_set};
use crate::script::Script;

const USR1: i32 = libc::SIGUSR1;
/// In the first 2 GiB (`arch/x86/include/uapi/asm/mman.h`).
const MAP_32BIT: i32 = 0x40;

/// rt_sigreturn of frames that x32 programs get.
pub(crate) fn frames(_: &[String]) {
    let mut script = Script::begin();
    let (handler, restorer) = code();
    let own = script.identity.pid;
    for mask in [0, 1, bits(&[15, 32, 33, 64])] {
        let flags = SA_RESTORER | SA_SIGINFO;
        let action = Action { handler, flags, restorer, mask: u64::MAX };
        script.call(rt_sigaction(USR1, action.given(), null(), 8), 0);
        script.call(rt_sigprocmask(2, to_set(mask), null(), 8), 0);
        script.call(kill(own, USR1), 0);
        script.returned_from_mask("rt_sigreturn", BLOCKABLE, mask);
    }
    script.end();
}

/// A handler that does nothing, and what it returns to, where 32 bits reach them.
fn code() -> (u64, u64) {
    const RESTORER: usize = 16;
    let number = (x32::number("rt_sigreturn").unwrap_or_default() | x32::BIT) as u32;
    // ret
    let mut code = vec![0xc3; RESTORER];
    // mov eax, number; syscall
    code.push(0xb8);
    code.extend(number.to_le_bytes());
    code.extend([0x0f, 0x05]);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | MAP_32BIT;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a fresh mapping, written within its bounds while it can be.
    unsafe {
        let page = libc::mmap(ptr::null_mut(), 4096, access, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED, "cannot map memory");
        ptr::copy_nonoverlapping(code.as_ptr(), page.cast(), code.len());
        assert_eq!(libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC), 0);
        let handler = page.addr() as u64;
        (handler, handler + RESTORER as u64)
    }
}
