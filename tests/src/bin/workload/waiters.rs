//! Many that wait at the same time, and one that waits for ever.

use std::sync::mpsc;
use std::thread;

use serde_json::json;
use sigtrace_tests::names::bits;

use crate::call::{rt_sigsuspend, rt_sigtimedwait};
use crate::identity;
use crate::pointer::{null, to_set, unread_memory};
use crate::process::{self, wait_until_in};
use crate::script::Script;
use crate::siginfo::Info;

const USR1: i32 = libc::SIGUSR1;

/// `waiters COUNT`: so many threads wait in rt_sigtimedwait, all at the same time; then one after
/// the other is sent what it waits for.
pub(crate) fn served(arguments: &[String]) {
    let (threads, handles) = start_served(arguments);
    for (tid, handle) in threads.into_iter().zip(handles) {
        wake(tid);
        assert!(handle.join().is_ok());
    }
}

/// `waiters-together COUNT`: the same, but all are woken at once.
pub(crate) fn served_together(arguments: &[String]) {
    let (threads, handles) = start_served(arguments);
    threads.into_iter().for_each(wake);
    for handle in handles {
        assert!(handle.join().is_ok());
    }
}

fn wake(tid: i32) {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::syscall(libc::SYS_tgkill, identity::own().pid, tid, USR1) }, 0);
}

fn start_served(arguments: &[String]) -> (Vec<i32>, Vec<thread::JoinHandle<()>>) {
    start(arguments, |script| {
        let own = script.identity.pid;
        let info = Info::new(USR1, -6, json!("SI_TKILL")).rt(own, 0, 0);
        let call = rt_sigtimedwait(to_set(bits(&[USR1])), info.gotten(), null(), 8);
        script.call(call, i64::from(USR1));
    })
}

/// `waiters-killed COUNT`: the same, but the process is killed while they wait.
pub(crate) fn killed(arguments: &[String]) {
    start(arguments, |script| {
        let call = rt_sigtimedwait(to_set(bits(&[USR1])), unread_memory(), null(), 8);
        script.call(call, i64::from(libc::EINTR));
    });
    // SAFETY: no memory is involved.
    unsafe { libc::kill(identity::own().pid, libc::SIGKILL) };
}

/// Starts threads that wait, and returns once all of them do, in the order of their handles.
fn start(arguments: &[String], wait: fn(&mut Script)) -> (Vec<i32>, Vec<thread::JoinHandle<()>>) {
    let count = arguments.first().and_then(|count| count.parse().ok());
    let count: usize = count.unwrap_or_else(|| panic!("usage: workload waiters COUNT"));
    // Inherited by the threads.
    let mask = bits(&[USR1]);
    // SAFETY: a set to read from.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, 0, &raw const mask, 0_usize, 8) };
    let spawn = |_| {
        let (sender, receiver) = mpsc::channel();
        let handle = thread::spawn(move || {
            let _ = sender.send(identity::own().tid);
            let mut script = Script::begin();
            wait(&mut script);
            script.end();
        });
        (receiver.recv().unwrap_or_default(), handle)
    };
    let (threads, handles): (Vec<i32>, Vec<_>) = (0..count).map(spawn).unzip();
    for tid in &threads {
        wait_until_in(*tid, libc::SYS_rt_sigtimedwait);
    }
    (threads, handles)
}

/// `endless CALL`: waits in this call until killed, which is not before sigtrace has stopped.
pub(crate) fn endless(arguments: &[String]) {
    let call = match arguments.first().map(String::as_str) {
        #[cfg(not(target_arch = "aarch64"))]
        Some("pause") => crate::call::pause(),
        Some("rt_sigsuspend") => rt_sigsuspend(to_set(bits(&[2, 64])), 8),
        Some("rt_sigtimedwait") => rt_sigtimedwait(to_set(1), unread_memory(), null(), 8),
        other => panic!("cannot wait in {other:?}"),
    };
    Script::begin().call_to_the_end(call, None, Some("unfinished"));
}

/// `sleep`: a process that makes no signal call, until it is killed.
pub(crate) fn sleep(_: &[String]) {
    process::sleep();
}
