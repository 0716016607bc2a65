//! Timers that run out.

use std::ptr;

use serde_json::{Value, json};

use super::{catch, until_caught, work_until_caught};

/// The value that comes with that of timer_create.
const VALUE: usize = 5;

/// We catch what each kind of timer sends, one after the other.
pub(super) fn all() -> Value {
    let signals =
        [libc::SIGALRM, libc::SIGVTALRM, libc::SIGPROF, libc::SIGRTMIN(), libc::SIGRTMIN() + 1];
    let [handler, ..] = signals.map(catch);
    // SAFETY: no memory is involved.
    unsafe { libc::alarm(1) };
    until_caught(1);
    set_interval_timer(libc::ITIMER_REAL);
    until_caught(2);
    set_interval_timer(libc::ITIMER_VIRTUAL);
    work_until_caught(3);
    set_interval_timer(libc::ITIMER_PROF);
    work_until_caught(4);
    let timer = set_timer(libc::CLOCK_MONOTONIC, libc::SIGRTMIN(), None);
    until_caught(5);
    // SAFETY: no memory is involved.
    let own = unsafe { libc::gettid() };
    let of_work = set_timer(libc::CLOCK_THREAD_CPUTIME_ID, libc::SIGRTMIN() + 1, Some(own));
    work_until_caught(6);
    json!({ "handler": handler, "timer": timer, "of_work": of_work, "value": VALUE })
}

/// In a while, once. The type of the number is the library's.
fn set_interval_timer(which: impl Into<i64>) {
    let when = libc::itimerval {
        it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 },
        it_value: libc::timeval { tv_sec: 0, tv_usec: 20_000 },
    };
    let no_time = ptr::null_mut::<libc::itimerval>();
    // SAFETY: a time to read from.
    let done =
        unsafe { libc::syscall(libc::SYS_setitimer, which.into(), &raw const when, no_time) };
    assert_eq!(done, 0);
}

/// Likewise, a timer that sends this, to a thread if one is named. Its id.
fn set_timer(clock: libc::clockid_t, signo: i32, thread: Option<i32>) -> i32 {
    // SAFETY: all zeroes are one.
    let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
    event.sigev_signo = signo;
    event.sigev_value.sival_ptr = ptr::without_provenance_mut(VALUE);
    event.sigev_notify = libc::SIGEV_SIGNAL;
    if let Some(thread) = thread {
        (event.sigev_notify, event.sigev_notify_thread_id) = (libc::SIGEV_THREAD_ID, thread);
    }
    let when = libc::itimerspec {
        it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: libc::timespec { tv_sec: 0, tv_nsec: 20_000_000 },
    };
    let mut timer = 0_i32;
    let no_time = ptr::null_mut::<libc::itimerspec>();
    // SAFETY: an event and a time to read from, an id to write to.
    unsafe {
        let made = libc::syscall(libc::SYS_timer_create, clock, &raw const event, &raw mut timer);
        assert_eq!(made, 0);
        assert_eq!(libc::syscall(libc::SYS_timer_settime, timer, 0, &raw const when, no_time), 0);
    }
    timer
}
