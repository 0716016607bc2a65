//! Signals that are taken, or are not.

use std::io::{Read as _, Write as _};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::{CAUGHT, block, catch, fork, kill, pipe, resting, set_action};
use crate::call::rt_sigqueueinfo;
use crate::process::{until, wait, wait_until_in};
use crate::siginfo::Info;

/// Children whose signals are taken at once, or later, or end them; real-time ones in a row; and one that waits for
/// its signal by a call.
pub(super) fn all() -> Value {
    // It ends once it has taken it.
    let (mut told, mut tell) = pipe();
    let at_once = fork(|| {
        let _ = catch(libc::SIGUSR1);
        let _ = tell.write_all(b"!");
        until(|| CAUGHT.load(Ordering::Relaxed) > 0);
        0
    });
    let ready = told.read_exact(&mut [0]);
    ready.unwrap_or_else(|error| panic!("a child is not ready: {error}"));
    kill(at_once, libc::SIGUSR1);
    assert_eq!(wait(at_once), 0);

    let later = fork(|| {
        let _ = catch(libc::SIGUSR1);
        let _ = catch(libc::SIGRTMIN());
        block(libc::SIGUSR1);
        block(libc::SIGRTMIN());
        let set = sigtrace_tests::names::bits(&[libc::SIGUSR2]);
        block(libc::SIGUSR2);
        let (nothing, size) = (std::ptr::null::<u8>(), size_of_val(&set));
        // SAFETY: sets to read from.
        unsafe {
            libc::syscall(libc::SYS_rt_sigtimedwait, &raw const set, nothing, nothing, size);
            // What is pending is taken in here.
            let (how, none) = (libc::SIG_SETMASK, 0_u64);
            libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const none, nothing, size);
        }
        0
    });
    wait_until_in(later, libc::SYS_rt_sigtimedwait);
    kill(later, libc::SIGUSR1);
    kill(later, libc::SIGUSR1);
    let own = std::process::id() as i32;
    for value in [1, 2] {
        let info = Info::new(libc::SIGRTMIN(), -1, json!("SI_QUEUE")).rt(own, 0, value).given();
        assert_eq!(rt_sigqueueinfo(later, libc::SIGRTMIN(), info).make(), 0);
    }
    kill(later, libc::SIGUSR2);
    assert_eq!(wait(later), 0);

    let ended = resting(|| {});
    kill(ended, libc::SIGTERM);
    assert_eq!(wait(ended), libc::SIGTERM);
    // SIGABRT dumps core by default, so that it is taken first.
    let aborted = resting(|| set_action(libc::SIGABRT, libc::SIG_DFL));
    kill(aborted, libc::SIGABRT);
    assert_eq!(wait(aborted) & 0x7f, libc::SIGABRT);
    json!({ "at_once": at_once, "later": later, "ended": ended, "aborted": aborted })
}
