//! rt_sigprocmask and rt_sigpending.

use sigtrace_tests::names::bits;

use crate::action::BLOCKABLE;
use crate::call::{kill, rt_sigpending, rt_sigprocmask, rt_sigtimedwait, tgkill};
use crate::errno::{EFAULT, EINVAL};
use crate::memory::{at_page_end, bytes, not_resident, read_only, untouched};
use crate::pointer::{
    address, gets_set, nowhere, null, to, to_set, unread, unread_memory, unreadable,
};
use crate::script::Script;
use sigtrace_tests::names::set;

const BLOCK: i32 = 0;
const UNBLOCK: i32 = 1;
const SETMASK: i32 = 2;

/// rt_sigprocmask.
pub(crate) fn masks(_: &[String]) {
    let mut script = Script::begin();
    hows(&mut script);
    sizes_and_pointers(&mut script);
    pages(&mut script);
    script.end();
}

/// What each `how` makes of the set shows in the next call's old set.
fn hows(script: &mut Script) {
    let (few, more) = (bits(&[2, 15, 64]), bits(&[2, 32, 33, 34]));
    script.call(rt_sigprocmask(SETMASK, to_set(0), null(), 8), 0);
    script.call(rt_sigprocmask(BLOCK, to_set(few), gets_set(0), 8), 0);
    script.call(rt_sigprocmask(BLOCK, to_set(more), gets_set(few), 8), 0);
    script.call(rt_sigprocmask(UNBLOCK, to_set(bits(&[2, 64])), gets_set(few | more), 8), 0);
    script.call(rt_sigprocmask(SETMASK, to_set(u64::MAX), gets_set(bits(&[15, 32, 33, 34])), 8), 0);
    script.call(rt_sigprocmask(SETMASK, to_set(0), gets_set(BLOCKABLE), 8), 0);
    script.call(rt_sigprocmask(SETMASK, to_set(few), null(), 8).with_garbage(), 0);
    // Without a set nobody looks at `how`.
    for how in [BLOCK, UNBLOCK, SETMASK, 3, 99, -1] {
        script.call(rt_sigprocmask(how, null(), gets_set(few), 8), 0);
        script.call(rt_sigprocmask(how, null(), null(), 8), 0);
    }
    for how in [3, 99, -1, i32::MIN] {
        script.call(rt_sigprocmask(how, to_set(more), unread_memory(), 8), EINVAL);
    }
    script.call(rt_sigprocmask(SETMASK, to_set(0), gets_set(few), 8), 0);
}

fn sizes_and_pointers(script: &mut Script) {
    for size in [0, 4, 7, 9, 16, 128, u64::MAX] {
        script.call(rt_sigprocmask(BLOCK, unread_memory(), unread_memory(), size), EINVAL);
        script.call(rt_sigprocmask(BLOCK, null(), null(), size), EINVAL);
    }
    for nowhere in nowhere() {
        script.call(rt_sigprocmask(BLOCK, unreadable(nowhere), unread_memory(), 8), EFAULT);
        script.call(rt_sigprocmask(BLOCK, null(), unread(nowhere), 8), EFAULT);
    }
    // The mask changes though the call fails.
    let read_only = unread(address(read_only(&[0; 8])));
    script.call(rt_sigprocmask(BLOCK, to_set(1), read_only, 8), EFAULT);
    script.call(rt_sigprocmask(SETMASK, to_set(0), gets_set(1), 8), 0);
}

fn pages(script: &mut Script) {
    let usr1 = bits(&[libc::SIGUSR1]);
    let word = bytes(usr1);
    let at_end = at_page_end(&word);
    script.call(rt_sigprocmask(BLOCK, to(at_end, set(usr1)), gets_set(0), 8), 0);
    let cut = address(at_page_end(&word[..7]));
    script.call(rt_sigprocmask(BLOCK, unreadable(cut), null(), 8), EFAULT);
    let file = not_resident(&word);
    script.call(rt_sigprocmask(UNBLOCK, to(file, set(usr1)), gets_set(usr1), 8), 0);
    script.call(rt_sigprocmask(BLOCK, to_set(usr1), to(untouched(), set(0)), 8), 0);
    let old = not_resident(&word);
    script.call(rt_sigprocmask(SETMASK, to_set(0), to(old, set(usr1)), 8), 0);
}

/// rt_sigpending.
pub(crate) fn pending(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    script.call(rt_sigpending(gets_set(0), 8), 0);
    script.call(rt_sigprocmask(SETMASK, to_set(u64::MAX), null(), 8), 0);
    // Of the process, and of the thread.
    script.call(kill(own, libc::SIGTERM), 0);
    script.call(kill(own, 64), 0);
    script.call(tgkill(own, own, libc::SIGUSR1), 0);
    script.call(tgkill(own, own, 33), 0);
    let all = bits(&[libc::SIGTERM, libc::SIGUSR1, 33, 64]);
    script.call(rt_sigpending(gets_set(all), 8), 0);
    // As many bytes as asked for.
    script.call(rt_sigpending(unread_memory(), 0), 0);
    for size in 1..8 {
        let part = all & ((1 << (8 * size)) - 1);
        script.call(rt_sigpending(gets_set(part), size), 0);
        script.call(rt_sigpending(to(at_page_end(&vec![0; size as usize]), set(part)), size), 0);
    }
    for size in [9, 16, 128, u64::MAX] {
        script.call(rt_sigpending(unread_memory(), size), EINVAL);
        script.call(rt_sigpending(null(), size), EINVAL);
    }
    for nowhere in nowhere() {
        script.call(rt_sigpending(unread(nowhere), 8), EFAULT);
    }
    script.call(rt_sigpending(null(), 8), EFAULT);
    script.call(rt_sigpending(unread(address(read_only(&[0; 8]))), 8), EFAULT);
    script.call(rt_sigpending(to(untouched(), set(all)), 8), 0);
    for signo in [libc::SIGUSR1, libc::SIGTERM, 33, 64] {
        let signo = i64::from(signo);
        script.call(rt_sigtimedwait(to_set(1 << (signo - 1)), null(), null(), 8), signo);
    }
    script.call(rt_sigpending(gets_set(0), 8), 0);
    script.end();
}
