//! sigaction. Handlers are set but never run: in a 64-bit program they would get the
//! frame of a 32-bit one.

use sigtrace_tests::kernel::Kernel;

use super::call::{OLD, old, sigaction};
use crate::action::{Action, BLOCKABLE, DEFAULT, SA_RESTORER, SIG_IGN};
use crate::call::rt_sigaction;
use crate::errno::{EFAULT, EINVAL};
use crate::memory::{at_page_end, keep_bytes, not_resident, read_only, untouched};
use crate::pointer::{Ptr, address, nowhere, null, to, unread, unread_memory, unreadable};
use crate::script::Script;

const USR1: i32 = libc::SIGUSR1;
/// Addresses of handlers: of code, perhaps, near both ends.
const CODE: u64 = 0x0804_9000;
const LOWEST: u64 = 2;
const HIGH: u64 = 0xf7ff_fffe;

pub(super) fn given(action: Action) -> Ptr {
    to(keep_bytes(&old(action)), action.shown())
}

pub(super) fn gotten(action: Action) -> Ptr {
    to(keep_bytes(&[0x55; 16]), action.shown())
}

/// sigaction.
pub(crate) fn sigactions(_: &[String]) {
    let mut script = Script::begin();
    let ignore = Action { handler: SIG_IGN, ..DEFAULT };
    let with_mask = Action { handler: CODE, flags: 4, restorer: HIGH, mask: 1 << 1 | 1 << 31 };
    let full = Action { handler: HIGH, flags: SA_RESTORER, restorer: LOWEST, mask: OLD };
    script.call(sigaction(USR1, given(ignore), gotten(DEFAULT)), 0);
    script.call(sigaction(USR1, given(with_mask), gotten(ignore)), 0);
    script.call(sigaction(USR1, given(full), gotten(with_mask)), 0);
    let stored = Action { mask: OLD & BLOCKABLE, ..full };
    script.call(sigaction(USR1, null(), gotten(stored)), 0);
    // Of a mask with other signals it tells the first 32.
    let wide = Action { mask: 1 << 63 | 1 << 32 | 1, ..with_mask };
    script.call(rt_sigaction(USR1, wide.given(), null(), 8), 0);
    script.call(sigaction(USR1, null(), gotten(Action { mask: 1, ..wide })), 0);
    script.call(sigaction(USR1, given(DEFAULT), null()), 0);
    script.call(sigaction(USR1, null(), null()), 0);
    flags(&mut script);
    signal_numbers(&mut script);
    pointers(&mut script);
    script.end();
}

fn flags(script: &mut Script) {
    for flags in (0..32).map(|bit| 1 << bit).chain([OLD]) {
        let action = Action { handler: SIG_IGN, flags, ..DEFAULT };
        let kept = Action { flags: Kernel::running().kept_sa_flags(flags), ..action };
        script.call(sigaction(USR1, given(action), null()), 0);
        script.call(sigaction(USR1, given(DEFAULT), gotten(kept)), 0);
    }
}

fn signal_numbers(script: &mut Script) {
    for signo in [1, 31, 32, 34, 64] {
        script.call(sigaction(signo, given(DEFAULT), null()), 0);
    }
    for signo in [9, 19] {
        script.call(sigaction(signo, null(), gotten(DEFAULT)), 0);
        script.call(sigaction(signo, given(DEFAULT), unread_memory()), EINVAL);
    }
    for signo in [0, -1, 65, i32::MAX, i32::MIN] {
        script.call(sigaction(signo, given(DEFAULT), unread_memory()), EINVAL);
    }
}

fn pointers(script: &mut Script) {
    let ignore = Action { handler: SIG_IGN, mask: 5, ..DEFAULT };
    for nowhere in nowhere() {
        script.call(sigaction(USR1, unreadable(nowhere), unread_memory()), EFAULT);
        script.call(sigaction(0, unreadable(nowhere), null()), EFAULT);
        script.call(sigaction(USR1, null(), unread(nowhere)), EFAULT);
    }
    // The new action holds though the call fails.
    let nowhere = unread(address(read_only(&[0; 16])));
    script.call(sigaction(USR1, given(ignore), nowhere), EFAULT);
    script.call(sigaction(USR1, given(DEFAULT), gotten(ignore)), 0);
    let bytes = old(ignore);
    script.call(sigaction(USR1, to(at_page_end(&bytes), ignore.shown()), null()), 0);
    script.call(sigaction(USR1, unreadable(address(at_page_end(&bytes[..15]))), null()), EFAULT);
    script.call(sigaction(USR1, to(not_resident(&bytes), ignore.shown()), null()), 0);
    script.call(sigaction(USR1, null(), to(untouched(), ignore.shown())), 0);
    script.call(sigaction(USR1, given(DEFAULT), to(at_page_end(&bytes), ignore.shown())), 0);
    // Input and output are the same memory.
    let both = not_resident(&bytes);
    script.call(sigaction(USR1, to(both, ignore.shown()), to(both, DEFAULT.shown())), 0);
    script.call(sigaction(USR1, given(DEFAULT), gotten(ignore)), 0);
    // The new action holds though the call fails.
    let unwritten = unread(address(read_only(&[0; 16])));
    script.call(sigaction(USR1, to(not_resident(&bytes), ignore.shown()), unwritten), EFAULT);
    script.call(sigaction(USR1, given(DEFAULT), gotten(ignore)), 0);
}
