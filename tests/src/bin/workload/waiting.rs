//! pause, rt_sigsuspend, rt_sigreturn and restart_syscall: how waiting ends.

use serde_json::json;
use sigtrace_tests::names::{bits, set};

use crate::abi::natively;
use crate::action::{Action, BLOCKABLE, SA_SIGINFO, nothing};
#[cfg(not(target_arch = "aarch64"))]
use crate::call::pause;
use crate::call::{
    Call, kill, nanosleep, restart_syscall, rt_sigaction, rt_sigprocmask, rt_sigsuspend,
};
use crate::errno::{EFAULT, EINTR, EINVAL, ERESTART_RESTARTBLOCK, ERESTARTNOHAND};
use crate::memory::{at_page_end, bytes, not_resident};
use crate::pointer::{address, nowhere, null, to, to_set, unread_memory, unreadable};
use crate::process::{fork, wait, wait_until_in, wait_until_state};
use crate::script::Script;
use crate::timed::timeout;

pub(crate) const USR1: i32 = libc::SIGUSR1;
const USR2: i32 = libc::SIGUSR2;
pub(crate) const SA_RESTART: u64 = 0x1000_0000;

/// A script whose SIGUSR1 has a handler.
pub(crate) fn begin_with_handler(flags: u64) -> Script {
    let mut script = Script::begin();
    script.call(handling(USR1, || Action::calling(nothing, flags | SA_SIGINFO)), 0);
    script
}

/// The call that sets an action with a handler. A native one: see [`natively`].
fn handling(signo: i32, action: impl FnOnce() -> Action) -> Call {
    natively(|| rt_sigaction(signo, action().given(), null(), 8))
}

/// Forks a process that sends us these signals, each once we sleep in the call of this number, and
/// once the one before has stopped us if it is SIGSTOP.
pub(crate) fn sender(script: &Script, signals: &[(libc::c_long, i32)]) -> i32 {
    let us = script.identity.pid;
    script.off_the_record(|| {
        fork(|| {
            let mut stopped = false;
            for (number, signo) in signals {
                if stopped {
                    wait_until_state(us, 'T');
                } else {
                    wait_until_in(us, *number);
                }
                // SAFETY: no memory is involved.
                unsafe { libc::kill(us, *signo) };
                stopped = *signo == libc::SIGSTOP;
            }
            0
        })
    })
}

/// pause.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn pausing(_: &[String]) {
    for flags in [0, SA_RESTART] {
        let mut script = begin_with_handler(flags);
        pauses(&mut script);
        script.end();
    }
    // Stopped and continued, it is called again by the kernel.
    let mut script = begin_with_handler(0);
    script.call(rt_sigprocmask(0, to_set(bits(&[2, 64])), null(), 8), 0);
    let waits = &[(pause().number, libc::SIGSTOP), (0, libc::SIGCONT), (pause().number, USR1)];
    let other = sender(&script, waits);
    script.state_restarted(&pause(), ERESTARTNOHAND);
    script.call_interrupted(pause(), ERESTARTNOHAND);
    script.sigreturn(bits(&[2, 64]));
    wait(other);
    script.end();
    for signo in [libc::SIGTERM, libc::SIGKILL] {
        dies_in(pause, signo);
    }
}

/// One pause, of a script that blocks nothing and whose SIGUSR1 has a handler.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn pauses(script: &mut Script) {
    let other = sender(script, &[(pause().number, USR1)]);
    script.call_interrupted(pause(), ERESTARTNOHAND);
    script.sigreturn(0);
    wait(other);
}

/// A child that is killed in a call.
pub(crate) fn dies_in(call: fn() -> Call, signo: i32) {
    let number = call().number;
    let child = fork(|| Script::begin().call_to_the_end(call(), Some(ERESTARTNOHAND), None));
    wait_until_in(child, number);
    let mut script = Script::begin();
    script.call(kill(child, signo), 0);
    script.end();
    assert_eq!(libc::WTERMSIG(wait(child)), signo);
}

/// rt_sigsuspend.
pub(crate) fn suspending(_: &[String]) {
    let mut script = begin_with_handler(0);
    let own = script.identity.pid;
    let usr1 = bits(&[USR1]);
    script.call(rt_sigprocmask(2, to_set(usr1 | 1), null(), 8), 0);
    script.call(kill(own, USR1), 0);
    // What the handler returns to is the mask before.
    script.call_interrupted(rt_sigsuspend(to_set(!usr1), 8), ERESTARTNOHAND);
    script.sigreturn(usr1 | 1);
    let file = || to(not_resident(&bytes(2)), set(2));
    script.call(kill(own, USR1), 0);
    script.call_interrupted(rt_sigsuspend(file(), 8), ERESTARTNOHAND);
    script.sigreturn(usr1 | 1);
    let number = rt_sigsuspend(null(), 8).number;
    let other = sender(&script, &[(number, USR1)]);
    script.call_interrupted(rt_sigsuspend(to_set(0), 8).with_garbage(), ERESTARTNOHAND);
    script.sigreturn(usr1 | 1);
    wait(other);
    for size in [0, 4, 7, 16, 128] {
        script.call(rt_sigsuspend(unread_memory(), size), EINVAL);
        script.call(rt_sigsuspend(null(), size), EINVAL);
    }
    script.call(rt_sigsuspend(null(), 8), EFAULT);
    for nowhere in nowhere() {
        script.call(rt_sigsuspend(unreadable(nowhere), 8), EFAULT);
    }
    let cut = address(at_page_end(&[0; 7]));
    script.call(rt_sigsuspend(unreadable(cut), 8), EFAULT);
    script.end();
    for signo in [libc::SIGTERM, libc::SIGKILL] {
        dies_in(|| rt_sigsuspend(to_set(bits(&[2])), 8), signo);
    }
}

/// restart_syscall, by the kernel and by hand.
pub(crate) fn restarting(_: &[String]) {
    let mut script = begin_with_handler(SA_RESTART);
    // SIGCONT restarts a sleep that SIGSTOP interrupted; it goes on to its end.
    let stop = &[(nanosleep(null()).number, libc::SIGSTOP), (0, libc::SIGCONT)];
    let other = sender(&script, stop);
    sleep(1, 0);
    script.state("restart_syscall", json!({}), Some(0));
    wait(other);
    // A handler ends the restarted one, SA_RESTART or not.
    let stop_and_interrupt = &[
        (nanosleep(null()).number, libc::SIGSTOP),
        (0, libc::SIGCONT),
        (restart_syscall().number, USR1),
    ];
    let other = sender(&script, stop_and_interrupt);
    sleep(1000, EINTR);
    script.state("restart_syscall", json!({}), Some(ERESTART_RESTARTBLOCK));
    script.sigreturn(0);
    wait(other);
    script.call(restart_syscall(), EINTR);
    script.call(natively(restart_syscall), EINTR);
    script.end();
}

fn sleep(seconds: i64, ret: i64) {
    assert_eq!(nanosleep(timeout(seconds, 0)).make(), ret);
}

/// rt_sigreturn from handlers that ran with, and return to, different masks.
pub(crate) fn returning(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    let masked = Action { mask: u64::MAX, ..Action::calling(nothing, 4) };
    script.call(rt_sigaction(USR1, masked.given(), null(), 8), 0);
    for mask in [0, 1, bits(&[15, 32, 33, 34, 64]), BLOCKABLE & !bits(&[USR1])] {
        script.call(rt_sigprocmask(2, to_set(mask), null(), 8), 0);
        script.call(kill(own, USR1), 0);
        script.sigreturn(mask);
    }
    // Several at once: the handler that runs last returns first, to the mask of the one before.
    script.call(rt_sigprocmask(2, to_set(u64::MAX), null(), 8), 0);
    let plain = Action::calling(nothing, SA_SIGINFO);
    script.call(rt_sigaction(USR2, plain.given(), null(), 8), 0);
    script.call(rt_sigaction(USR1, plain.given(), null(), 8), 0);
    script.call(kill(own, USR1), 0);
    script.call(kill(own, USR2), 0);
    script.call(rt_sigprocmask(2, to_set(0), null(), 8), 0);
    script.sigreturn(bits(&[USR1]));
    script.sigreturn(0);
    script.end();
}
