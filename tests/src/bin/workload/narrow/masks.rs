//! sigprocmask and sigpending: masks of the first 32 signals.

use sigtrace_tests::names::{bits, set};

use super::call::{gets_mask, sigpending, sigprocmask, to_mask};
use crate::action::BLOCKABLE;
use crate::call::{kill, rt_sigprocmask, rt_sigtimedwait, tgkill};
use crate::errno::{EFAULT, EINVAL};
use crate::memory::{at_page_end, not_resident, read_only, untouched};
use crate::pointer::{
    address, gets_set, nowhere, null, to, to_set, unread, unread_memory, unreadable,
};
use crate::script::Script;

const BLOCK: i32 = 0;
const UNBLOCK: i32 = 1;
const SETMASK: i32 = 2;

/// All that can be blocked.
const ALL: u32 = BLOCKABLE as u32;
/// Signals that the old calls do not know.
const OTHERS: u64 = 1 << 32 | 1 << 63;

/// The mask of these signals.
fn mask(signals: &[i32]) -> u32 {
    bits(signals) as u32
}

/// sigprocmask.
pub(crate) fn sigprocmasks(_: &[String]) {
    let mut script = Script::begin();
    let (few, more) = (mask(&[2, 15, 32]), mask(&[2, 1]));
    script.call(rt_sigprocmask(SETMASK, to_set(OTHERS), null(), 8), 0);
    script.call(sigprocmask(BLOCK, to_mask(few), gets_mask(0)), 0);
    script.call(sigprocmask(BLOCK, to_mask(more), gets_mask(few)), 0);
    script.call(sigprocmask(UNBLOCK, to_mask(mask(&[2, 32])), gets_mask(few | more)), 0);
    script.call(sigprocmask(SETMASK, to_mask(u32::MAX), gets_mask(mask(&[1, 15]))), 0);
    script.call(sigprocmask(SETMASK, to_mask(few), gets_mask(ALL)), 0);
    // The others it leaves alone.
    let whole = OTHERS | u64::from(few);
    script.call(rt_sigprocmask(BLOCK, null(), gets_set(whole), 8), 0);
    for how in [BLOCK, UNBLOCK, SETMASK, 3, 99, -1] {
        script.call(sigprocmask(how, null(), gets_mask(few)), 0);
        script.call(sigprocmask(how, null(), null()), 0);
    }
    for how in [3, 99, -1, i32::MIN] {
        script.call(sigprocmask(how, to_mask(more), unread_memory()), EINVAL);
    }
    script.call(sigprocmask(SETMASK, to_mask(0), null()), 0);
    for nowhere in nowhere() {
        script.call(sigprocmask(BLOCK, unreadable(nowhere), unread_memory()), EFAULT);
        script.call(sigprocmask(BLOCK, null(), unread(nowhere)), EFAULT);
    }
    let nowhere = unread(address(read_only(&[0; 4])));
    script.call(sigprocmask(BLOCK, to_mask(1), nowhere), EFAULT);
    script.call(sigprocmask(SETMASK, to_mask(0), gets_mask(1)), 0);
    let bytes = few.to_ne_bytes();
    let few = || set(few.into());
    script.call(sigprocmask(BLOCK, to(at_page_end(&bytes), few()), null()), 0);
    let cut = unreadable(address(at_page_end(&bytes[..3])));
    script.call(sigprocmask(BLOCK, cut, null()), EFAULT);
    script.call(sigprocmask(BLOCK, to(not_resident(&bytes), few()), null()), 0);
    script.call(sigprocmask(BLOCK, null(), to(untouched(), few())), 0);
    script.call(sigprocmask(BLOCK, null(), to(at_page_end(&[0; 4]), few())), 0);
    // Input and output are the same memory, which is not resident.
    let both = not_resident(&1_u32.to_ne_bytes());
    script.call(sigprocmask(SETMASK, to(both, set(1)), to(both, few())), 0);
    let given = to(not_resident(&bytes), few());
    script.call(sigprocmask(SETMASK, given, unread(address(read_only(&[0; 4])))), EFAULT);
    script.call(sigprocmask(SETMASK, to_mask(0), to(untouched(), few())), 0);
    script.call(rt_sigprocmask(SETMASK, to_set(0), null(), 8), 0);
    script.end();
}

/// sigpending.
pub(crate) fn sigpendings(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    script.call(sigpending(gets_mask(0)), 0);
    script.call(rt_sigprocmask(SETMASK, to_set(u64::MAX), null(), 8), 0);
    script.call(kill(own, libc::SIGTERM), 0);
    script.call(kill(own, 64), 0);
    script.call(tgkill(own, own, 32), 0);
    script.call(tgkill(own, own, 33), 0);
    let pending = mask(&[libc::SIGTERM, 32]);
    script.call(sigpending(gets_mask(pending)), 0);
    script.call(sigpending(to(at_page_end(&[0; 4]), set(pending.into()))), 0);
    script.call(sigpending(to(untouched(), set(pending.into()))), 0);
    for nowhere in nowhere().into_iter().chain([address(read_only(&[0; 4]))]) {
        script.call(sigpending(unread(nowhere)), EFAULT);
    }
    script.call(sigpending(null()), EFAULT);
    for signo in [libc::SIGTERM, 32, 33, 64] {
        let ret = signo.into();
        script.call(rt_sigtimedwait(to_set(bits(&[signo])), null(), null(), 8), ret);
    }
    script.call(sigpending(gets_mask(0)), 0);
    script.end();
}
