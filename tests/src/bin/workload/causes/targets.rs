//! What becomes of a signal, by what is true of its target. We send it by kill unless it says otherwise.

use std::{io, thread};

use serde_json::{Value, json};

use super::children::trace;
use super::{
    block, catch, finish, fork, kill, pipe, resting, set_action, set_limit, wait_for_change,
};
use crate::call::{rt_sigqueueinfo, tgkill};
use crate::identity;
use crate::process::{wait, wait_until_in};
use crate::siginfo::Info;

/// `EAGAIN`.
const EAGAIN: i64 = -11;

/// The signal is caught, or nothing is done about it, as was asked for or by default, or it is the end.
pub(super) fn dispositions() -> Value {
    let caught = resting(|| drop(catch(libc::SIGUSR1)));
    let handler = catch(libc::SIGUSR2);
    kill(caught, libc::SIGUSR1);
    finish(caught);
    let ignoring = resting(|| set_action(libc::SIGUSR1, libc::SIG_IGN));
    kill(ignoring, libc::SIGUSR1);
    kill(ignoring, libc::SIGWINCH);
    finish(ignoring);
    let ended = resting(|| {});
    kill(ended, libc::SIGUSR1);
    assert_eq!(wait(ended), libc::SIGUSR1);
    json!({ "caught": caught, "handler": handler, "ignoring": ignoring, "ended": ended })
}

/// The signal is blocked and pending already, or waited for, or there is no room for what comes with it.
pub(super) fn queues() -> Value {
    let blocked = resting(|| block(libc::SIGUSR1));
    kill(blocked, libc::SIGUSR1);
    kill(blocked, libc::SIGUSR1);
    finish(blocked);
    let (signo, own) = (libc::SIGRTMIN(), std::process::id());
    let full = resting(|| {
        block(signo);
        set_limit(libc::RLIMIT_SIGPENDING, 0, 0);
    });
    kill(full, signo);
    let info = Info::new(signo, -1, json!("SI_QUEUE")).rt(own as i32, 0, 5).given();
    assert_eq!(rt_sigqueueinfo(full, signo, info).make(), EAGAIN);
    finish(full);
    let waiting = fork(|| {
        block(libc::SIGUSR1);
        let set = sigtrace_tests::names::bits(&[libc::SIGUSR1]);
        let (nothing, size) = (std::ptr::null::<u8>(), size_of_val(&set));
        // SAFETY: a set to read from.
        let taken = unsafe {
            libc::syscall(libc::SYS_rt_sigtimedwait, &raw const set, nothing, nothing, size)
        };
        if taken == i64::from(libc::SIGUSR1) { pause() } else { 1 }
    });
    wait_until_in(waiting, libc::SYS_rt_sigtimedwait);
    kill(waiting, libc::SIGUSR1);
    wait_until_in(waiting, libc::SYS_ppoll);
    let info = Info::new(signo, -1, json!("SI_QUEUE")).rt(own as i32, 0, 5).given();
    assert_eq!(rt_sigqueueinfo(waiting, libc::SIGKILL, info).make(), 0);
    wait(waiting);
    json!({ "blocked": blocked, "full": full, "waiting": waiting, "value": 5 })
}

/// A child sends itself what a fault would send it.
pub(super) fn forged() -> Value {
    set_action(libc::SIGSEGV, libc::SIG_DFL);
    let child = fork(|| {
        // The signal and its code, SEGV_MAPERR, then the address.
        let info: [u64; 16] = [libc::SIGSEGV as u64, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let own = std::process::id();
        // SAFETY: a siginfo to read from.
        unsafe {
            libc::syscall(libc::SYS_rt_sigqueueinfo, own, libc::SIGSEGV, info.as_ptr());
        }
        0
    });
    assert_eq!(wait(child), libc::SIGSEGV);
    json!({ "child": child })
}

/// The target is stopped, or traced.
pub(super) fn states() -> Value {
    let stopped = resting(|| {});
    kill(stopped, libc::SIGSTOP);
    wait_for_change(stopped);
    kill(stopped, libc::SIGTERM);
    finish(stopped);
    let traced = resting(|| {});
    trace(libc::PTRACE_SEIZE, traced, 0);
    kill(traced, libc::SIGTERM);
    wait_for_change(traced);
    finish(traced);
    json!({ "stopped": stopped, "traced": traced })
}

/// Sleeps until killed, in a call of its own, so that it is known when it does.
fn pause() -> i32 {
    loop {
        // SAFETY: no memory is involved.
        unsafe { libc::ppoll(std::ptr::null_mut(), 0, std::ptr::null(), std::ptr::null()) };
    }
}

/// A thread is sent one that ends its process.
pub(super) fn threads() -> Value {
    let (mut told, mut tell) = pipe();
    let child = fork(|| {
        thread::spawn(move || {
            use io::Write as _;
            let _ = tell.write_all(&identity::own().tid.to_ne_bytes());
            pause();
        });
        pause()
    });
    let mut other = [0; 4];
    io::Read::read_exact(&mut told, &mut other).unwrap_or_else(|error| panic!("{error}"));
    let other = i32::from_ne_bytes(other);
    wait_until_in(child, libc::SYS_ppoll);
    assert_eq!(tgkill(child, other, libc::SIGTERM).make(), 0);
    assert_eq!(wait(child), libc::SIGTERM);
    json!({ "child": child, "other": other })
}

/// The target is the first of a pid namespace, and has no handler.
pub(super) fn namespace_init() -> Value {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWPID) }, 0);
    let child = resting(|| {});
    kill(child, libc::SIGTERM);
    finish(child);
    json!({ "child": child })
}
