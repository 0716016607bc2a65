//! A play seen through several filters at once.

use std::fmt::Write as _;
use std::panic::resume_unwind;
use std::process;
use std::thread;

use serde_json::Value;
use sigtrace_tests::harness::{Puppet, Trace, Tracer};
use sigtrace_tests::kernel::booted_with;

/// What a play did: a call as sigtrace has to show it, and a word on what it is to the test.
pub(crate) type Act = (&'static str, Value);

/// Whether a filter keeps a call, by what makes it and its event.
type Keeps<'a> = Box<dyn Fn(&str, &Value) -> bool + 'a>;

/// A filter: sigtrace's arguments, and which acts these have to keep.
pub(crate) struct Filter<'a> {
    args: String,
    keeps: Keeps<'a>,
}

/// The filter of these arguments, separated by blanks, keeps the acts of which `keeps` holds.
pub(crate) fn filter<'a>(
    args: impl Into<String>,
    keeps: impl Fn(&str, &Value) -> bool + 'a,
) -> Filter<'a> {
    Filter { args: args.into(), keeps: Box::new(keeps) }
}

/// Has one sigtrace watch for each filter while `play` makes its calls, and asserts that each kept
/// whole events of exactly those it should, in their order, and that its books are right to the
/// call. For sends and pidfd_open: the other calls are also made by programs that start and end.
pub(crate) fn assert_filters(filters: &[Filter<'_>], play: impl FnOnce() -> Vec<Act>) {
    let tracers = start(filters.iter().map(|filter| arguments(&filter.args)).collect());
    let acts = play();
    // Each is stopped with a signal, which those that still watch see, too.
    for (index, (filter, tracer)) in filters.iter().zip(tracers).enumerate() {
        assert_kept(filter, &acts, index + 1, &tracer.finish());
    }
}

/// Starts sigtraces with these arguments, all at once, as each takes its time.
pub(crate) fn start(all: Vec<Vec<&str>>) -> Vec<Tracer> {
    thread::scope(|scope| {
        let starting: Vec<_> =
            all.iter().map(|args| scope.spawn(move || Tracer::start(args))).collect();
        let started = starting.into_iter().map(|tracer| tracer.join());
        started.map(|tracer| tracer.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// Gives a puppet's thread a name.
pub(crate) fn rename(puppet: &mut Puppet, name: &[u8]) {
    let mut hex = String::new();
    for byte in name {
        let _ = write!(hex, "{byte:02x}");
    }
    assert_eq!(puppet.order(&format!("name {hex}")), "0");
}

fn arguments(args: &str) -> Vec<&str> {
    ["--stats"].into_iter().chain(args.split_ascii_whitespace()).collect()
}

fn assert_kept(filter: &Filter<'_>, acts: &[Act], stops: usize, trace: &Trace) {
    let stats = trace.stats();
    let watched = |call: &Value| {
        let name = call["syscall"].as_str().unwrap_or_default();
        !stats.0["printed"][name].is_null()
    };
    let (ours, kept): (Vec<Value>, Vec<Value>) =
        trace.calls().map(foreseeable).partition(|call| call["pid"] == process::id());
    let made: Vec<&Act> = acts.iter().filter(|(_, call)| watched(call)).collect();
    let expected: Vec<&Value> = made
        .iter()
        .filter(|(what, call)| (filter.keeps)(what, call))
        .map(|(_, call)| call)
        .collect();
    assert!(!expected.is_empty(), "{}: a filter that keeps nothing proves nothing", filter.args);
    assert_same(&filter.args, &expected, &kept);

    let stops = if stats.0["printed"]["kill"].is_null() { 0 } else { stops };
    let printed = kept.len() + ours.len();
    let filtered = (made.len() + stops - printed) as u64;
    assert_eq!((stats.printed(), stats.lost()), (printed as u64, 0), "{}: books", filter.args);
    // Who is stopped while we are still in the call that does it asks whether we live, by a signal 0 that the others
    // see: where the kernel preempts us there at once.
    let preempts = booted_with("preempt=").as_deref() == Some("full");
    let asked = if preempts { stops.saturating_sub(1) as u64 } else { 0 };
    let filtered = filtered..=filtered + asked;
    assert!(filtered.contains(&stats.filtered()), "{}: {filtered:?}: {}", filter.args, stats.0);
}

/// Asserts that the events are the same, and says which are not.
#[track_caller]
pub(crate) fn assert_same(what: &str, expected: &[&Value], got: &[Value]) {
    // As text, in which the order of keys counts.
    let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    let got: Vec<String> = got.iter().map(ToString::to_string).collect();
    let only = |these: &[String], those: &[String]| {
        these.iter().filter(|line| !those.contains(line)).cloned().collect::<Vec<_>>().join("\n")
    };
    assert!(
        expected == got,
        "{what}: {} events instead of {}\nmissing:\n{}\ntoo many:\n{}",
        got.len(),
        expected.len(),
        only(&expected, &got),
        only(&got, &expected),
    );
}

/// An event without what nobody can foresee.
pub(crate) fn foreseeable(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(event) = event.as_object_mut() {
        for key in ["id", "time", "seq", "cpu", "duration_ns"] {
            event.shift_remove(key);
        }
    }
    event
}

/// The events of these processes, without what nobody can foresee.
pub(crate) fn calls_by(trace: &Trace, pids: &[i32]) -> Vec<Value> {
    let by = |call: &&Value| pids.iter().any(|pid| call["pid"] == *pid);
    trace.calls().filter(by).map(foreseeable).collect()
}
