//! A wall clock that is set while sigtrace runs.

use std::io;

use serde_json::Value;
use sigtrace_tests::harness::{CLOSE_NS, Puppet, Test, Tracer, now_ns, time_ns};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![times_follow_a_clock_that_is_set];

const HOUR: i64 = 3600;

/// Moves the wall clock by so many seconds.
fn step(seconds: i64) {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a time to write to, and to read from.
    let done = unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time);
        time.tv_sec += seconds;
        libc::clock_settime(libc::CLOCK_REALTIME, &raw const time)
    };
    assert_eq!(done, 0, "setting the clock: {}", io::Error::last_os_error());
}

fn times_follow_a_clock_that_is_set() {
    let mut puppet = Puppet::start();
    let tracer = Tracer::start(&["-s", "tkill"]);
    let mut windows = Vec::new();
    // There and back: what sigtrace checks its own clock against is where it was.
    for (seconds, signal) in [(0, 1), (HOUR, 2), (-2 * HOUR, 3), (HOUR, 4)] {
        step(seconds);
        let before = now_ns();
        puppet.call(&format!("tkill 2147483634 {signal}"));
        windows.push((signal, before, now_ns()));
        // Until then the clock must not be set again: a time is reckoned when its event is printed.
        tracer.wait_for_line(&format!("\"signo\":{signal}}}"));
    }
    let trace = tracer.finish_unchecked();
    for (signal, before, after) in windows {
        let of_signal = |event: &&Value| event["args"]["signo"] == signal;
        let event = trace.iter().find(of_signal).unwrap_or_else(|| panic!("no {signal}"));
        let time = event.as_object().and_then(|event| time_ns(event).ok()).unwrap_or_default();
        assert!((before - CLOSE_NS..=after + CLOSE_NS).contains(&time), "{before} {time} {after}");
    }
}
