//! signal, sgetmask and ssetmask: what old libraries of i386 call, and Arm never had. What they are given and
//! return is in registers.

use serde_json::{Value, json};
use sigtrace_tests::names::{bits, set};

use super::call::OLD;
use crate::abi::natively;
use crate::action::{Action, BLOCKABLE, DEFAULT, SIG_DFL, SIG_IGN, handler, nothing};
use crate::call::{Call, rt_sigaction, rt_sigprocmask};
use crate::errno::EINVAL;
use crate::memory::keep;
use crate::pointer::{Ptr, gets_set, null, to_output, to_set};
use crate::script::Script;

const USR1: i32 = libc::SIGUSR1;
const BLOCK: i32 = 0;
const SETMASK: i32 = 2;
/// Addresses of handlers: of code, perhaps, near both ends.
const CODE: u64 = 0x0804_9000;
const LOWEST: u64 = 2;
const HIGH: u64 = 0xf7ff_fffe;
/// What signal installs with its handler: SA_RESETHAND and SA_NODEFER.
const ONCE: u64 = 0xc000_0000;
/// Signals that the old calls do not know.
const OTHERS: u64 = 1 << 32 | 1 << 63;

/// `oldhandler` is the one it returns, if it succeeds.
fn signal(signo: i32, new: u64, oldhandler: Value) -> Call {
    Call::numbered("signal", 48)
        .signal(signo)
        .value("handler", new, handler(new))
        .shown("oldhandler", oldhandler)
}

/// It returns `mask`.
fn sgetmask(mask: u64) -> Call {
    Call::numbered("sgetmask", 68).shown("mask", set(mask & OLD)).returning_mask()
}

/// It returns `oldmask`.
fn ssetmask(newmask: u64, oldmask: u64) -> Call {
    Call::numbered("ssetmask", 69)
        .value("newmask", newmask, set(newmask & OLD))
        .shown("oldmask", set(oldmask & OLD))
        .returning_mask()
}

/// One of each, of a thread that blocks these.
pub(super) fn one_each(script: &mut Script, blocked: u64) {
    script.call(signal(libc::SIGURG, 0, json!("SIG_DFL")), 0);
    script.call(sgetmask(blocked), blocked.cast_signed());
    script.call(ssetmask(blocked, blocked), blocked.cast_signed());
}

/// signal.
pub(crate) fn signals(_: &[String]) {
    let mut script = Script::begin();
    // What it returns is the handler before, an address that looks negative among them.
    let mut before = SIG_DFL;
    for new in [SIG_IGN, CODE, LOWEST, HIGH, 0xffff_f000, SIG_DFL] {
        script.call(signal(USR1, new, handler(before)), before.cast_signed());
        script.call(rt_sigaction(USR1, null(), installed(new), 8), 0);
        before = new;
    }
    for signo in [1, 31, 32, 33, 34, 64] {
        script.call(signal(signo, SIG_IGN, json!("SIG_DFL")), 0);
        script.call(signal(signo, SIG_DFL, json!("SIG_IGN")), 1);
    }
    for signo in [0, -1, 9, 19, 65, i32::MAX, i32::MIN] {
        script.call(signal(signo, CODE, Value::Null), EINVAL);
    }
    // The handler before can be one of a 64-bit program, of which it gets the lower half.
    let other = natively(|| Action::calling(nothing, 0));
    script.call(natively(|| rt_sigaction(USR1, other.given(), null(), 8)), 0);
    let low = handler(other.handler & OLD);
    script.call(signal(USR1, SIG_DFL, low), other.handler.cast_signed());
    script.end();
}

/// A pointer to room for the action that signal installs. Its restorer is whatever was on the
/// kernel's stack, where that is not cleared (`CONFIG_INIT_STACK_ALL_ZERO`): `signal` does not set
/// it.
fn installed(handler: u64) -> Ptr {
    let room: *const [u32; 5] = keep([0x55; 5]);
    to_output(room, move || {
        // SAFETY: never freed; it is looked at after the call has written.
        let [_, _, restorer, ..] = unsafe { *room };
        Action { handler, flags: ONCE, restorer: restorer.into(), ..DEFAULT }.shown()
    })
}

/// sgetmask and ssetmask.
pub(crate) fn masks(_: &[String]) {
    let mut script = Script::begin();
    let ret = |mask: u64| i64::from(mask as u32);
    let mut before = 0;
    script.call(rt_sigprocmask(SETMASK, to_set(before), null(), 8), 0);
    for new in [1, bits(&[2, 15, 31]), u64::from(u32::MAX), bits(&[32]), 0x7fff_ffff, 0] {
        script.call(sgetmask(before), ret(before));
        script.call(ssetmask(new, before), ret(before));
        // The mask is taken for a signed number: with signal 32 go all those above.
        before = i64::from((new as u32).cast_signed()).cast_unsigned() & BLOCKABLE;
        script.call(rt_sigprocmask(BLOCK, null(), gets_set(before), 8), 0);
    }
    for whole in [u64::MAX, OTHERS, OTHERS | 1 << 31, !u64::from(u32::MAX) | 1] {
        script.call(rt_sigprocmask(SETMASK, to_set(whole), null(), 8), 0);
        script.call(sgetmask(whole & BLOCKABLE), ret(whole & BLOCKABLE));
        script.call(ssetmask(0, whole & BLOCKABLE), ret(whole & BLOCKABLE));
    }
    script.end();
}
