//! A user who floods the ring costs no other user a call.

use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sigtrace_tests::harness::{Puppet, Rush, Test, Trace, Tracer};
use sigtrace_tests::integer;
use sigtrace_tests::kernel::booted_with;
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    no_call_of_roots_is_lost_while_another_user_floods,
    without_shares_calls_of_roots_are_lost_in_a_flood,
    a_user_who_is_alone_has_nearly_all_of_the_ring,
];

/// Small enough to fill at once, and large enough that root's share is more than it calls in a row, also where
/// processors count a user more than once, as they do without waiting for each other.
const RING: &str = "512K";

fn no_call_of_roots_is_lost_while_another_user_floods() {
    let floods: &[(&str, usize)] = match seconds() {
        0 => &[("same", 4), ("random", 4), ("forking", 4), ("namespace", 4), ("same", 64)],
        _ => &[
            ("same", 1),
            ("same", 4),
            ("same", 64),
            ("random", 1),
            ("random", 4),
            ("random", 64),
            ("forking", 1),
            ("forking", 4),
            ("forking", 64),
            ("namespace", 1),
            ("namespace", 4),
            ("namespace", 64),
        ],
    };
    for &(mode, processes) in floods {
        let what = format!("{processes} processes, {mode}");
        let (trace, root, made) = beside_a_flood(mode, processes, &[]);
        assert_books(&trace, &what, root.len() as u64 + made);
        let got: Vec<Value> =
            trace.calls().filter(|call| call["uid"] == 0).map(foreseeable).collect();
        let stats = trace.stats();
        eprintln!("{what}: {made} calls, {}", stats.0);
        assert!(
            got == root,
            "{what}: {} of {} of root's calls; merged: {:?}",
            got.len(),
            root.len(),
            trace.repeated().filter(|event| event["uid"] == 0).collect::<Vec<_>>()
        );
        let knows_whose = |event: &&Value| !event["most"].is_null();
        // Of a program that the kernel skipped nobody can tell whose call it was for.
        let missed = integer::read::<u64>(&stats.0["lost"]["probe_missed"]).unwrap_or_default();
        assert_eq!(
            stats.lost() > missed,
            trace.events.iter().any(|event| knows_whose(&event)),
            "{what}"
        );
        // Whoever they were in their namespace, it is user 1000's.
        for lost in trace.events.iter().filter(|event| !event["most"].is_null()) {
            assert_eq!(lost["most"]["user"]["uid"], 1000, "{what}: {lost}");
            assert_eq!(lost["most"]["syscall"]["syscall"], "tkill", "{what}: {lost}");
        }
        for repeated in trace.repeated() {
            assert_eq!(
                (&repeated["syscall"], &repeated["comm"]),
                (&json!("tkill"), &json!("workload"))
            );
            assert_ne!(repeated["uid"], 0, "{what}: {repeated}");
        }
    }
}

/// What the test above is worth.
fn without_shares_calls_of_roots_are_lost_in_a_flood() {
    let (trace, root, made) = beside_a_flood("same", 4, &["--no-shares"]);
    assert_books(&trace, "--no-shares", root.len() as u64 + made);
    let got = trace.calls().filter(|call| call["uid"] == 0).count();
    assert!(got < root.len(), "none is lost");
    let stats = trace.stats();
    assert_eq!((stats.merged(), &stats.0["lost"]["over_share"]), (0, &json!(0)), "{}", stats.0);
    let culprits: Vec<&Value> =
        trace.events.iter().map(|event| &event["most"]).filter(|most| !most.is_null()).collect();
    assert!(!culprits.is_empty() && culprits.iter().all(|most| most["user"]["uid"] == 1000));
}

/// All but what is kept for the first calls of others, a sixteenth.
fn a_user_who_is_alone_has_nearly_all_of_the_ring() {
    /// Bytes of a record of tkill, with its header.
    const RECORD: u64 = 144;
    let tracer = Tracer::start(&["-s", "tkill", "--stats", "--ring-size", "64K"]);
    let mut puppet = Puppet::start();
    tracer.freeze();
    for _ in 0..600 {
        puppet.call("tkill 2147483634 15");
    }
    tracer.signal(libc::SIGCONT);
    let trace = tracer.finish();
    assert_books(&trace, "alone", 600);
    let room = (64 << 10) / RECORD;
    let printed = trace.stats().printed();
    // And half of a half of that, as one can seem to be alone who is not.
    let most = room * 15 / 16 + room / 16 / 4;
    assert!((room * 15 / 16 - 2..=most + 2).contains(&printed), "{printed} of {room}");
    assert_eq!(trace.stats().lost(), 0);
    let repeated: Vec<Value> = trace.repeated().map(without_times).collect();
    let pid = puppet.pid();
    assert_eq!(
        repeated,
        [
            json!({ "event": "repeated", "syscall": "tkill", "sig": "SIGTERM", "signo": 15, "pid": pid,
            "comm": "workload", "uid": 0, "ret": -3, "error": "ESRCH", "count": 600 - printed })
        ]
    );
}

/// Has root call now and then while another user floods. Returns the trace, root's calls, and how many
/// the others made.
fn beside_a_flood(mode: &str, processes: usize, args: &[&str]) -> (Trace, Vec<Value>, u64) {
    let args = [&["-s", "tkill", "--stats", "--ring-size", RING], args].concat();
    let tracer = Tracer::start(&args);
    let mut puppet = Puppet::start();
    let rush = Rush::start(mode, processes);
    let calls = if seconds() == 0 { 15 } else { 200 };
    let pause = Duration::from_secs(seconds()) / calls;
    let pid = puppet.pid();
    let mut root = Vec::new();
    for _ in 0..calls {
        root.push(foreseeable(&puppet.call(&format!("tkill {pid} 28"))));
        thread::sleep(pause);
    }
    let made = rush.end();
    let trace = if seconds() == 0 { tracer.finish() } else { unchecked(tracer) };
    (trace, root, made)
}

/// What is printed in a long flood, whose lines there are too many of to hold each against the schema.
fn unchecked(tracer: Tracer) -> Trace {
    let (status, nothing) = (ExitStatus::default(), String::new());
    Trace { events: tracer.finish_unchecked(), status, stdout: nothing.clone(), stderr: nothing }
}

#[track_caller]
fn assert_books(trace: &Trace, what: &str, made: u64) {
    let stats = trace.stats();
    assert_eq!(stats.calls(), made, "{what}: {}", stats.0);
    assert_eq!(stats.printed(), trace.calls().count() as u64, "{what}: {}", stats.0);
    let counts = trace.repeated().filter_map(|event| integer::read::<u64>(&event["count"]));
    assert_eq!(counts.sum::<u64>(), stats.merged(), "{what}: {}", stats.0);
    let told: u64 = trace.lost().values().filter_map(integer::read::<u64>).sum();
    assert_eq!(told, stats.lost(), "{what}: {}", stats.0);
}

/// An event without what nobody can foresee.
fn foreseeable(event: &Value) -> Value {
    without(event, &["id", "time", "seq", "cpu", "duration_ns"])
}

fn without_times(event: &Value) -> Value {
    without(event, &["time", "seq", "first", "last"])
}

fn without(event: &Value, keys: &[&str]) -> Value {
    let mut event = event.clone();
    if let Some(event) = event.as_object_mut() {
        keys.iter().for_each(|key| _ = event.shift_remove(*key));
    }
    event
}

/// How long each flood is to last at least: `flood.seconds` on the kernel's command line. By default as
/// long as root takes for a few calls.
pub fn seconds() -> u64 {
    booted_with("flood.seconds=").and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
}
