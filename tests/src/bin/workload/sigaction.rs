//! rt_sigaction.

use sigtrace_tests::kernel::Kernel;

use crate::action::{Action, BLOCKABLE, DEFAULT, SA_RESTORER, SIG_IGN, nothing};
use crate::call::rt_sigaction;
use crate::errno::{EFAULT, EINVAL};
use crate::memory::{at_page_end, not_resident, read_only, untouched};
use crate::pointer::{address, nowhere, null, to, unread, unread_memory, unreadable};
use crate::script::Script;

const USR1: i32 = libc::SIGUSR1;
const USR2: i32 = libc::SIGUSR2;

pub(crate) fn run(_: &[String]) {
    let mut script = Script::begin();
    actions(&mut script);
    flags(&mut script);
    signals(&mut script);
    sizes(&mut script);
    pointers(&mut script);
    pages(&mut script);
    script.end();
}

/// Each action is the old one of the next.
fn actions(script: &mut Script) {
    let ignore = Action { handler: SIG_IGN, ..DEFAULT };
    let handler = Action { mask: 1 << 1 | 1 << 63, ..Action::calling(nothing, 4) };
    let full = Action { mask: u64::MAX, ..Action::calling(nothing, 0) };
    let stored = Action { mask: BLOCKABLE, ..full };
    script.call(rt_sigaction(USR1, ignore.given(), DEFAULT.gotten(), 8), 0);
    script.call(rt_sigaction(USR1, handler.given(), ignore.gotten(), 8), 0);
    script.call(rt_sigaction(USR1, full.given(), handler.gotten(), 8), 0);
    script.call(rt_sigaction(USR1, null(), stored.gotten(), 8), 0);
    script.call(rt_sigaction(USR1, DEFAULT.given(), null(), 8), 0);
    script.call(rt_sigaction(USR1, null(), null(), 8), 0);
    script.call(rt_sigaction(USR1, null(), DEFAULT.gotten(), 8).with_garbage(), 0);
}

/// Every bit, those that go together, and the word as C libraries extend it.
fn flags(script: &mut Script) {
    let all = [0xffff_ffff_8000_0000, 0xffff_ffff_ffff_ffff, 0x1_0000_0000, 0xdc00_0807];
    for flags in (0..32).map(|bit| 1 << bit).chain(all) {
        let action = Action { handler: SIG_IGN, flags: flags | SA_RESTORER, ..DEFAULT };
        let kept = Action { flags: Kernel::running().kept_sa_flags(action.flags), ..action };
        script.call(rt_sigaction(USR1, action.given(), null(), 8), 0);
        script.call(rt_sigaction(USR1, null(), kept.gotten(), 8), 0);
    }
    script.call(rt_sigaction(USR1, DEFAULT.given(), null(), 8), 0);
}

fn signals(script: &mut Script) {
    for signo in [1, 31, 32, 33, 34, 35, 63, 64] {
        script.call(rt_sigaction(signo, DEFAULT.given(), null(), 8), 0);
    }
    for signo in [9, 19] {
        script.call(rt_sigaction(signo, null(), DEFAULT.gotten(), 8), 0);
        script.call(rt_sigaction(signo, DEFAULT.given(), unread_memory(), 8), EINVAL);
    }
    for signo in [0, -1, 65, i32::MAX, i32::MIN] {
        script.call(rt_sigaction(signo, DEFAULT.given(), unread_memory(), 8), EINVAL);
        script.call(rt_sigaction(signo, null(), null(), 8), EINVAL);
    }
}

fn sizes(script: &mut Script) {
    for size in [0, 4, 7, 9, 16, 128, u64::MAX] {
        script.call(rt_sigaction(USR2, unread_memory(), unread_memory(), size), EINVAL);
        script.call(rt_sigaction(USR2, null(), null(), size), EINVAL);
    }
}

fn pointers(script: &mut Script) {
    for nowhere in nowhere() {
        script.call(rt_sigaction(USR2, unreadable(nowhere), unread_memory(), 8), EFAULT);
        // Before the signal is looked at.
        script.call(rt_sigaction(0, unreadable(nowhere), null(), 8), EFAULT);
        script.call(rt_sigaction(USR2, null(), unread(nowhere), 8), EFAULT);
    }
    // The new action holds though the call fails.
    let ignore = Action { handler: SIG_IGN, ..DEFAULT };
    let read_only = read_only(&[0; 32]);
    script.call(rt_sigaction(USR2, ignore.given(), unread(address(read_only)), 8), EFAULT);
    script.call(rt_sigaction(USR2, DEFAULT.given(), ignore.gotten(), 8), 0);
}

fn pages(script: &mut Script) {
    let ignore = Action { handler: SIG_IGN, mask: 5, ..DEFAULT };
    let bytes = ignore.bytes();
    let whole = at_page_end(&bytes);
    script.call(rt_sigaction(USR2, to(whole, ignore.shown()), null(), 8), 0);
    // The last 8 bytes, the mask, are not there.
    let cut = address(at_page_end(&bytes[..bytes.len() - 8]));
    script.call(rt_sigaction(USR2, unreadable(cut), null(), 8), EFAULT);
    // Read at the return, as the kernel has brought it in.
    let file = not_resident(&bytes);
    script.call(rt_sigaction(USR2, to(file, ignore.shown()), null(), 8), 0);
    script.call(rt_sigaction(USR2, null(), to(untouched(), ignore.shown()), 8), 0);
    script.call(rt_sigaction(USR2, DEFAULT.given(), to(at_page_end(&bytes), ignore.shown()), 8), 0);
}
