//! Limits of processor time.

use serde_json::{Value, json};

use super::{catch, fork, set_limit, work_until_caught};
use crate::process::wait;

/// A child uses up its processor time, and goes on until that is the end of it.
pub(super) fn cpu() -> Value {
    let handler = catch(libc::SIGXCPU);
    let child = fork(|| {
        // Of the soft limit it is told; a second later there is the hard one, but this is quicker.
        set_limit(libc::RLIMIT_CPU, 1, 60);
        work_until_caught(1);
        set_limit(libc::RLIMIT_CPU, 1, 1);
        work()
    });
    assert_eq!(wait(child), libc::SIGKILL);
    json!({ "child": child, "handler": handler })
}

/// Likewise, what it may have of a real-time scheduler without a call that blocks.
pub(super) fn rttime() -> Value {
    let handler = catch(libc::SIGXCPU);
    let child = fork(|| {
        set_limit(libc::RLIMIT_RTTIME, 50_000, 100_000);
        let first = [1_i32];
        // SAFETY: parameters to read from.
        let done = unsafe {
            libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_FIFO, first.as_ptr())
        };
        assert_eq!(done, 0);
        work()
    });
    assert_eq!(wait(child), libc::SIGKILL);
    json!({ "child": child, "handler": handler })
}

fn work() -> i32 {
    loop {
        std::hint::spin_loop();
    }
}
