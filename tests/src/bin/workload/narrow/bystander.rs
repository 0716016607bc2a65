//! One of each of the calls that only 32-bit programs have.

use serde_json::json;
use sigtrace_tests::names::bits;

use super::actions;
use super::call::{
    gets_mask, rt_sigtimedwait_time64, sigaction, sigpending, sigprocmask, sigsuspend, to_mask,
};
use super::waits;
use crate::action::DEFAULT;
use crate::call::kill;
use crate::errno::ERESTARTNOHAND;
use crate::pointer::to_set;
use crate::script::Script;
use crate::siginfo::Info;

const USR1: i32 = libc::SIGUSR1;
const USR2: i32 = libc::SIGUSR2;

/// By a thread that blocks both, and whose USR1 has a handler.
pub(crate) fn calls(script: &mut Script) {
    let (own, blocked) = (script.identity.pid, bits(&[USR1, USR2]));
    let (new, old) = (actions::given(DEFAULT), actions::gotten(DEFAULT));
    script.call(sigaction(libc::SIGWINCH, new, old), 0);
    let mask = blocked as u32;
    script.call(sigprocmask(2, to_mask(mask), gets_mask(mask)), 0);
    #[cfg(not(target_arch = "arm"))]
    super::by_value::one_each(script, blocked);
    script.call(kill(own, USR2), 0);
    script.call(sigpending(gets_mask(bits(&[USR2]) as u32)), 0);
    let info = Info::new(USR2, 0, json!("SI_USER")).kill(own, 0).gotten();
    let set = to_set(bits(&[USR2]));
    let wait = rt_sigtimedwait_time64(set, info, waits::timeout(0, 0), 8);
    script.call(wait, i64::from(USR2));
    script.call(kill(own, USR1), 0);
    script.call_interrupted(sigsuspend([0, 0], bits(&[USR2])), ERESTARTNOHAND);
    script.sigreturn(blocked);
    #[cfg(target_pointer_width = "32")]
    super::frames::one(script, blocked);
}
