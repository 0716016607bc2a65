//! Two sigtraces at once.

use serde_json::Value;
use sigtrace_tests::harness::{Flood, Test, Trace, Tracer, Workload};
use sigtrace_tests::tests;

use crate::scene::{foreseeable, start};

/// All of them.
pub const TESTS: &[Test] =
    tests![two_at_once_both_see_everything, one_that_ends_does_not_disturb_the_other];

/// All that the workloads call.
const SYSCALLS: &str = "kill,rt_sigaction,rt_sigprocmask,rt_sigreturn,rt_sigtimedwait";

fn two_at_once_both_see_everything() {
    let mut tracers = start(vec![vec!["-s", SYSCALLS, "--stats"]; 2]);
    let (Some(first), Some(second)) = (tracers.pop(), tracers.pop()) else { panic!("two") };
    let workloads = ["kill", "rt_sigaction", "rt_sigtimedwait"].map(Workload::run);
    let (second, first) = (second.finish(), first.finish());
    for trace in [&first, &second] {
        for workload in &workloads {
            trace.assert_tells_of(workload);
        }
        assert_eq!(trace.stats().lost(), 0);
    }
    let by_workloads = |call: &Value| call["comm"] == "workload";
    let of = |trace: &Trace| -> Vec<String> {
        let calls = trace.calls().filter(|call| by_workloads(call));
        let mut calls: Vec<String> = calls.map(|call| foreseeable(call).to_string()).collect();
        calls.sort_unstable();
        calls
    };
    assert_eq!(of(&first), of(&second));
}

fn one_that_ends_does_not_disturb_the_other() {
    let stays = Tracer::start(&["-s", "tkill", "--stats", "--ring-size", "64K"]);
    let mut storm = Flood::with_pauses(2, 0, 2000);
    storm.begin();
    let goes = Tracer::start(&["-s", "tkill", "--stats"]);
    assert_eq!(goes.finish().status.code(), Some(0));
    let made = storm.end();
    let trace = stays.finish();
    let stats = trace.stats();
    assert_eq!((stats.calls(), stats.filtered()), (made, 0));
    let missed = trace.calls().filter(|call| call.get("return").is_some()).count();
    assert_eq!(missed, 0);
}
