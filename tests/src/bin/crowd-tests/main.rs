//! Threads by the thousand, and what becomes of their calls and of those beside them; processes by the thousand, and
//! who kills them. It takes minutes, and a guest with more memory than others.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use sigtrace_tests::harness::{
    self, Flood, Staged, Stuck, Test, Tracer, assert_bystanders_are_told_of,
    assert_who_tells_of_brief_lives,
};
use sigtrace_tests::tests;

/// All of them.
const TESTS: &[Test] = tests![
    callers_beside_2000_stuck_threads_are_told_of_completely_and_at_once,
    every_call_of_40000_sleepers_and_beside_them_is_told_of,
    who_knows_the_killers_of_10000_whose_ids_are_used_again_within_a_second,
];

/// A test that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    harness::main_within(LIMIT, &[("crowd", TESTS)])
}

fn callers_beside_2000_stuck_threads_are_told_of_completely_and_at_once() {
    assert_bystanders_are_told_of(|| Stuck::start(2000));
}

/// More threads than a table of a size that nobody thought about has room for.
const SLEEPERS: u64 = 40_000;

fn every_call_of_40000_sleepers_and_beside_them_is_told_of() {
    // With room for all that return when they are woken at once.
    let args = ["-s", "rt_sigtimedwait,tkill", "--stats", "--ring-size", "64M"];
    let tracer = Tracer::start(&args);
    let mut sleepers = Staged::start("sleepers", &[&SLEEPERS.to_string()]);
    assert_eq!(sleepers.part(), format!("{SLEEPERS}\n"), "so many are asleep");
    // A guest that says nothing for long is taken for one that hangs.
    eprintln!("{SLEEPERS} threads are asleep");
    let beside = Flood::run(16, 1000);
    sleepers.go_on();
    assert_eq!(sleepers.part(), format!("{SLEEPERS}\n"), "so many were woken");
    eprintln!("{SLEEPERS} threads were woken");
    sleepers.end();
    let trace = tracer.finish();
    let stats = trace.stats();
    let printed = ["rt_sigtimedwait", "tkill"].map(|syscall| stats.printed_of(syscall));
    assert_eq!(
        (printed, stats.filtered(), stats.lost()),
        ([SLEEPERS, beside], 0, 0),
        "{}",
        stats.0
    );
    assert_eq!(stats.incomplete("return_missed"), 0, "{}", stats.0);
    let mut threads = BTreeSet::new();
    for call in trace.calls_of("rt_sigtimedwait") {
        let end = (&call["ret"], &call["error"], call.get("return"));
        assert_eq!(end, (&json!(libc::SIGUSR1), &Value::Null, None), "{call}");
        threads.insert(call["tid"].as_u64());
    }
    assert_eq!(threads.len() as u64, SLEEPERS);
}

fn who_knows_the_killers_of_10000_whose_ids_are_used_again_within_a_second() {
    assert_who_tells_of_brief_lives(10_000);
}
