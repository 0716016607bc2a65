//! Signals that are sent, with or without a call, and what becomes of them.

mod acts;
mod calls;
mod filters;
mod sent;

use std::fmt::Write as _;

use serde_json::Value;
use sigtrace_tests::harness::{Background, Test, Trace, Tracer, difference};
use sigtrace_tests::{integer, tests};

use self::acts::{Act, Facts};
use self::calls::each_signal_refers_to_the_call_that_sends_it;
use self::filters::signals_are_selected_by_who_sends_and_who_gets_them;
use self::sent::{Sent, child_of, foreseeable, me, of_child, to_process};

/// All of them.
pub const TESTS: &[Test] = tests![
    what_the_kernel_sends_is_told_with_its_cause,
    what_becomes_of_a_signal_is_told_with_what_was_true_of_its_target,
    each_signal_refers_to_the_call_that_sends_it,
    signals_are_selected_by_who_sends_and_who_gets_them,
    signals_that_find_no_room_in_the_ring_are_counted_and_told_of,
];

fn what_the_kernel_sends_is_told_with_its_cause() {
    assert_told(acts::BY_KERNEL);
}

fn what_becomes_of_a_signal_is_told_with_what_was_true_of_its_target() {
    assert_told(acts::BY_STATE);
}

/// Has one sigtrace watch while the workload does all of this, and asserts that every signal is told of, whole
/// and in its order, and no other.
fn assert_told(acts: &[Act]) {
    let tracer = Tracer::start(&["--events", "generate", "--stats"]);
    let pid = tracer.pid();
    let mut expected = Vec::new();
    for (how, events) in acts {
        let facts = perform(how);
        let mut events = events(&facts);
        // We are told of its end in turn.
        events.push(of_child(&child_of(&me(), &facts.own()["pid"]), &me(), "CLD_EXITED", 0));
        expected.push((*how, events.into_iter().map(Sent::event).collect::<Vec<_>>()));
    }
    let trace = tracer.finish();
    expected.push(("the end", vec![last(&trace, pid)]));
    let mut got: Vec<Value> = trace.generates().map(foreseeable).collect();
    let count = got.len() as u64;
    got.dedup_by(|later, earlier| is_limit_again(later) && earlier["sig"] == "SIGKILL");
    let mut problems = String::new();
    for (how, expected) in expected {
        let end = position_after(&got, expected.last()).unwrap_or(got.len().min(expected.len()));
        let rest = got.split_off(end);
        compare(how, &expected, &got, &mut problems);
        got = rest;
    }
    assert!(problems.is_empty() && got.is_empty(), "{problems}{got:#?}");
    assert_eq!(trace.stats().generates(), [count, 0, 0]);
}

/// The kernel looks at limits at every tick, and while who is over a hard one has yet to end it can do so again.
fn is_limit_again(sent: &Value) -> bool {
    sent["sig"] == "SIGKILL" && (sent["cause"] == "cpu_limit" || sent["cause"] == "rttime_limit")
}

/// Has the workload do something, and returns what it states.
fn perform(how: &str) -> Facts {
    let ended = Background::start("cause", &[how]).end();
    assert!(ended.status.success(), "{how}: {ended:#?}");
    let facts = serde_json::from_str(&ended.stdout);
    Facts(facts.unwrap_or_else(|error| panic!("{how}: {error}: {}", ended.stdout)))
}

/// What ends a sigtrace, which does with it as it likes.
fn last(trace: &Trace, pid: u32) -> Value {
    let got = trace.generates().last().unwrap_or_else(|| panic!("nothing is told of"));
    let mut target = foreseeable(got)["target"].clone();
    (target["pid"], target["tid"]) = (pid.into(), pid.into());
    let sent = to_process(libc::SIGINT, &target).kill(&me()).harmless();
    sent.with("target_state", got["target_state"].clone()).event()
}

fn position_after(events: &[Value], event: Option<&Value>) -> Option<usize> {
    events.iter().position(|got| Some(got) == event).map(|index| index + 1)
}

/// Adds how these differ.
fn compare(what: &str, expected: &[Value], got: &[Value], problems: &mut String) {
    for index in 0..expected.len().max(got.len()) {
        let (wanted, got) = (expected.get(index), got.get(index));
        if wanted == got {
            continue;
        }
        let [shown, other] = [wanted, got].map(|event| event.cloned().unwrap_or_default());
        let lines = difference(&shown, &other);
        let _ = write!(problems, "{what}, signal {index}:\n{lines}    got {other}\n");
    }
}

fn signals_that_find_no_room_in_the_ring_are_counted_and_told_of() {
    let tracer = Tracer::start(&["--events", "generate", "--stats", "--ring-size", "4096"]);
    tracer.freeze();
    let died = Background::count("deaths", &[100, 0]);
    tracer.signal(libc::SIGCONT);
    let trace = tracer.finish();
    let [printed, filtered, lost] = trace.stats().generates();
    // Each sends one to itself, and one is sent to its parent, of whose end we are told. We stop the sigtrace
    // twice, the second time for good, and have it go on; what it does itself is not counted.
    let sent = 2 * died + 1 + 3;
    assert_eq!((printed, filtered, printed + lost), (trace.generates().count() as u64, 0, sent));
    assert!(lost > 0, "{sent} found room");
    let told = trace.events.iter().filter(|event| event["event"] == "lost");
    let told = told.filter_map(|event| integer::read::<u64>(&event["events"]["generate"]));
    assert_eq!((told.sum::<u64>(), trace.stats().lost()), (lost, 0));
}
