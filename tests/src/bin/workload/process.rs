//! Other processes, and waiting for what they do.

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Forks a process that does `what` and exits with what it returns. Its calls count only if it
/// makes a script of its own. To be called off the record: forking makes signal calls.
pub(crate) fn fork(what: impl FnOnce() -> i32) -> i32 {
    // SAFETY: workloads fork while they have one thread.
    match unsafe { libc::fork() } {
        -1 => panic!("cannot fork"),
        // SAFETY: ends the child without running what the parent has yet to run at its end.
        0 => unsafe { libc::_exit(what()) },
        pid => pid,
    }
}

/// Waits for a child to end; its status as wait tells it.
pub(crate) fn wait(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: a status to write to.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid, "no child {pid}");
    status
}

/// Waits until a thread sleeps in the system call with this number. One that is stopped in it does
/// not sleep, nor does one that has yet to enter it again.
pub(crate) fn wait_until_in(tid: i32, number: libc::c_long) {
    let prefix = format!("{number} ");
    until(|| is_in_state(tid, 'S') && read(tid, "syscall").starts_with(&prefix));
}

/// As [`wait_until_in`], for one of many threads, which nobody stops: it takes half the time.
pub(crate) fn wait_until_asleep_in(tid: i32, number: libc::c_long) {
    // It has no number while it runs.
    let prefix = format!("{number} ");
    until(|| read(tid, "syscall").starts_with(&prefix));
}

/// Waits until a thread is in this state, such as `T` for stopped.
pub(crate) fn wait_until_state(tid: i32, state: char) {
    until(|| is_in_state(tid, state));
}

fn is_in_state(tid: i32, state: char) -> bool {
    // After the name, which can have anything in it.
    read(tid, "stat").rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(state))
}

fn read(tid: i32, file: &str) -> String {
    // As a thread: of a process the kernel reckons up all its threads for every `stat`.
    fs::read_to_string(format!("/proc/{tid}/task/{tid}/{file}")).unwrap_or_default()
}

/// Waits until `condition` holds. Without end: who runs the workload has a time limit.
pub(crate) fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Sleeps until killed.
pub(crate) fn sleep() -> i32 {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// Starts a thread that does nothing; its id.
pub(crate) fn other_thread() -> i32 {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(crate::identity::own().tid);
        sleep();
    });
    receiver.recv().unwrap_or_default()
}

/// Nobody has opened it.
pub(crate) const CLOSED: i32 = 999;

/// A descriptor as the system calls return it.
pub(crate) fn fd(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(-1)
}
