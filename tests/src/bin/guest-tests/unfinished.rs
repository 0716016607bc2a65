//! Calls whose return nobody saw.

use serde_json::{Value, json};
use sigtrace_tests::harness::{Background, Test, Trace, Tracer, Workload, difference};
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::{processors, tests};

use crate::scene::foreseeable;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_return_that_is_missed_is_an_event_without_it,
    a_thread_killed_in_a_call_is_an_event,
    a_call_under_way_at_the_end_is_unfinished,
    a_call_under_way_at_the_start_is_not_told_of,
];

/// More than there are return slots on any kernel.
const WAITERS: usize = 64;
const WAITS: &str = "rt_sigtimedwait,kill";

fn a_return_that_is_missed_is_an_event_without_it() {
    let tracer = Tracer::start(&["--syscall", WAITS, "--stats", "--probe", "kprobe"]);
    let workload = Workload::run_with("waiters", &[&WAITERS.to_string()]);
    let trace = tracer.finish();
    assert_eq!(workload.expected.len(), WAITERS);
    for expected in &workload.expected {
        let (tid, whole) = (&expected.event["tid"], Value::from(expected.event.clone()));
        let got = foreseeable(wait_of(&trace, tid));
        let wanted = if got.get("return").is_some() { missed(&whole, &got) } else { whole };
        assert_eq!(difference(&wanted, &got), "", "expected {wanted}\ngot      {got}");
    }
    assert_counted(&trace, slots());
}

/// As many as can be seen to return at the same time.
fn slots() -> usize {
    Kernel::running().return_slots(processors::possible())
}

/// The only rt_sigtimedwait of a thread.
#[track_caller]
pub(crate) fn wait_of<'a>(trace: &'a Trace, tid: &Value) -> &'a Value {
    let of_thread = trace.calls_of("rt_sigtimedwait").filter(|call| call["tid"] == *tid);
    let waits: Vec<_> = of_thread.collect();
    assert_eq!(waits.len(), 1, "thread {tid} called once, and not {waits:?}");
    waits[0]
}

/// What `whole` is when its return was missed: nothing is known of what it would have told.
fn missed(whole: &Value, got: &Value) -> Value {
    let mut event = whole.clone();
    // Where the room was is not stated: any address will do.
    let address = got["args"]["info"]["address"].as_str().unwrap_or_default();
    assert!(address.starts_with("0x"), "{got}");
    event["args"]["info"] = json!({ "address": address });
    event["ret"] = Value::Null;
    event["error"] = Value::Null;
    event["return"] = json!("missed");
    event
}

/// Each of the waiters is in the trace, and so many of them have a return.
#[track_caller]
fn assert_counted(trace: &Trace, returned: usize) {
    let stats = trace.stats();
    let waits = trace.calls_of("rt_sigtimedwait");
    let missed = waits.filter(|call| call["return"] == "missed").count();
    assert_eq!(stats.printed_of("rt_sigtimedwait"), WAITERS as u64, "{}", stats.0);
    assert_eq!(stats.incomplete("return_missed"), missed as u64, "{}", stats.0);
    assert_eq!(WAITERS - missed, returned, "of those {} were seen to return", WAITERS - missed);
    assert_eq!(stats.lost(), 0, "{}", stats.0);
}

fn a_thread_killed_in_a_call_is_an_event() {
    let tracer = Tracer::start(&["--syscall", WAITS, "--stats", "--probe", "kprobe"]);
    let ended = Background::start("waiters-killed", &[&WAITERS.to_string()]).end();
    assert_eq!(ended.status.to_string(), "signal: 9 (SIGKILL)");
    let trace = tracer.finish();
    for call in trace.calls_of("rt_sigtimedwait").filter(|call| call.get("return").is_none()) {
        assert_eq!((&call["ret"], &call["error"]), (&json!(-4), &json!("EINTR")), "{call}");
    }
    assert_counted(&trace, slots());
}

fn a_call_under_way_at_the_end_is_unfinished() {
    let calls = [
        #[cfg(not(target_arch = "aarch64"))]
        ("pause", libc::SYS_pause),
        ("rt_sigsuspend", libc::SYS_rt_sigsuspend),
        ("rt_sigtimedwait", libc::SYS_rt_sigtimedwait),
    ];
    let selected = "pause,rt_sigsuspend,rt_sigtimedwait,kill";
    let tracer = Tracer::start(&["--syscall", selected, "--stats"]);
    let waiting = calls.map(|(name, number)| {
        let workload = Background::start("endless", &[name]);
        workload.wait_until_in(number);
        workload
    });
    let trace = tracer.finish();
    for workload in waiting {
        trace.assert_tells_of(&workload.kill());
    }
    assert_eq!(trace.stats().incomplete("unfinished"), calls.len() as u64);
}

fn a_call_under_way_at_the_start_is_not_told_of() {
    let waiting = Background::start("endless", &["rt_sigsuspend"]);
    waiting.wait_until_in(libc::SYS_rt_sigsuspend);
    let tracer = Tracer::start(&["--syscall", "rt_sigsuspend", "--stats"]);
    waiting.kill();
    let trace = tracer.finish();
    assert_eq!(trace.calls().count(), 0, "{:?}", trace.events);
    assert_eq!(trace.stats().calls(), 0);
}
