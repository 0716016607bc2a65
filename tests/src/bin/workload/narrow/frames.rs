//! sigreturn and rt_sigreturn of a 32-bit program, with and without code of its own to return to.

use std::sync::atomic::{AtomicU64, Ordering};

use sigtrace_tests::names::bits;

use crate::action::{Action, BLOCKABLE, SA_RESTORER, SA_SIGINFO, nothing};
use crate::call::{kill, rt_sigaction, rt_sigprocmask};
use crate::masks;
use crate::pointer::{null, to_set};
use crate::script::Script;

const USR1: i32 = libc::SIGUSR1;
const USR2: i32 = libc::SIGUSR2;

pub(crate) fn run(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    for flags in [0, SA_SIGINFO] {
        let with = Action { mask: u64::MAX, ..Action::calling(nothing, flags) };
        // The kernel has code for those without.
        let without = Action { restorer: 0, flags: with.flags & !SA_RESTORER, mask: 0, ..with };
        for action in [with, without] {
            script.call(rt_sigaction(USR1, action.given(), null(), 8), 0);
            let masks = [0, 1, 1 << 31, 1 << 32, 1 << 63, bits(&[15, 32, 33, 34, 64]), BLOCKABLE];
            for mask in masks.map(|mask| mask & !bits(&[USR1])) {
                script.call(rt_sigprocmask(2, to_set(mask), null(), 8), 0);
                script.call(kill(own, USR1), 0);
                returns(&mut script, flags, mask);
            }
        }
    }
    one_in_another(&mut script);
    changed_by_the_handler(&mut script);
    script.end();
}

/// One sigreturn, of a thread whose mask is this.
pub(super) fn one(script: &mut Script, mask: u64) {
    let own = script.identity.pid;
    let handler = Action::calling(nothing, 0);
    script.call(rt_sigaction(libc::SIGURG, handler.given(), null(), 8), 0);
    script.call(kill(own, libc::SIGURG), 0);
    returns(script, 0, mask);
}

fn returns(script: &mut Script, flags: u64, mask: u64) {
    let name = if flags & SA_SIGINFO == 0 { "sigreturn" } else { "rt_sigreturn" };
    script.handler_returned(name, mask);
}

/// The handler that runs last returns first, to the mask of the other.
fn one_in_another(script: &mut Script) {
    let own = script.identity.pid;
    script.call(rt_sigprocmask(2, to_set(u64::MAX), null(), 8), 0);
    let old = Action { mask: bits(&[33]), ..Action::calling(nothing, 0) };
    let new = Action { mask: bits(&[64]), ..Action::calling(nothing, SA_SIGINFO) };
    script.call(rt_sigaction(USR1, old.given(), null(), 8), 0);
    script.call(rt_sigaction(USR2, new.given(), null(), 8), 0);
    script.call(kill(own, USR1), 0);
    script.call(kill(own, USR2), 0);
    script.call(rt_sigprocmask(2, to_set(0), null(), 8), 0);
    returns(script, SA_SIGINFO, bits(&[USR1, 33]));
    returns(script, 0, 0);
}

static NEW: AtomicU64 = AtomicU64::new(0);

/// Puts another mask into its frame: what it returns to.
extern "C" fn changing(_: i32, _: *const u8, context: *mut u8) {
    masks::in_handler();
    // Flags, link, stack_t, and the sigcontext come before.
    const MASK: usize = 20 + if cfg!(target_arch = "arm") { 84 } else { 88 };
    // SAFETY: the third argument is the frame's ucontext.
    unsafe { context.add(MASK).cast::<u64>().write_unaligned(NEW.load(Ordering::Relaxed)) };
}

fn changed_by_the_handler(script: &mut Script) {
    let own = script.identity.pid;
    // SAFETY: a handler with SA_SIGINFO gets three arguments.
    let handler: extern "C" fn(i32) =
        unsafe { std::mem::transmute(changing as extern "C" fn(i32, *const u8, *mut u8)) };
    let action = Action::calling(handler, SA_SIGINFO);
    script.call(rt_sigaction(USR1, action.given(), null(), 8), 0);
    for mask in [bits(&[2, 33, 64]), 0] {
        NEW.store(mask, Ordering::Relaxed);
        script.call(kill(own, USR1), 0);
        returns(script, SA_SIGINFO, mask);
    }
}
