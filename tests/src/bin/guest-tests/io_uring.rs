//! Reads that no thread makes a call for.

use serde_json::{Value, json};
use sigtrace_tests::expect;
use sigtrace_tests::harness::{Test, run};
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::tests;

use crate::scene::foreseeable;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_signal_that_io_uring_reads_is_told_of_without_a_descriptor,
    a_read_of_io_uring_that_finds_nothing_is_told_of_if_that_is_its_end,
];

fn a_signal_that_io_uring_reads_is_told_of_without_a_descriptor() {
    // If it reads before there is a signal it does so twice, which is one read to who asked for it. Before
    // there are iterators nobody can tell a try.
    let times: &[&str] = if Kernel::running().reads_signalfds_by_iterator() {
        &["early", "late"]
    } else {
        &["early"]
    };
    for when in times {
        for probe in ["auto", "kprobe"] {
            let (ids, read) = the_read(probe, when);
            let siginfo = json!({ "sig": "SIGUSR2", "signo": 12, "code": "SI_USER", "errno": 0,
                "pid": ids[0], "uid": 0 });
            let expected = expected(ids, &read, [siginfo].into(), 128, None);
            assert_eq!(foreseeable(&read), expected, "{probe} {when}");
        }
    }
}

fn a_read_of_io_uring_that_finds_nothing_is_told_of_if_that_is_its_end() {
    // Without an iterator the kernel refuses not to wait.
    if !Kernel::running().reads_signalfds_by_iterator() {
        return;
    }
    for probe in ["auto", "kprobe"] {
        let (ids, read) = the_read(probe, "never");
        let siginfo = json!({ "address": read["args"]["siginfo"]["address"] });
        assert_eq!(
            foreseeable(&read),
            expected(ids, &read, siginfo, -11, Some("EAGAIN")),
            "{probe}"
        );
    }
}

/// The only read of the workload, and by which process, and child of which, it was made.
fn the_read(probe: &str, when: &str) -> ([u32; 2], Value) {
    let trace = run(&["-s", "read", "--probe", probe, "--stats"], &["workload", "io_uring", when]);
    assert_eq!(trace.status.code(), Some(0), "{trace:#?}");
    let stats = trace.stats();
    assert_eq!((stats.printed(), stats.filtered(), stats.lost()), (1, 0, 0), "{trace:#?}");
    let ids: Vec<u32> = trace.stdout.split_whitespace().flat_map(str::parse).collect();
    let (&[pid, parent], Some(read)) = (&ids[..], trace.calls().next()) else {
        panic!("{trace:#?}")
    };
    ([pid, parent], read.clone())
}

fn expected(
    [pid, parent]: [u32; 2],
    read: &Value,
    siginfo: Value,
    ret: i64,
    error: Option<&str>,
) -> Value {
    let tid = &read["tid"];
    // Without an iterator the kernel has a thread of its own wait for what there is to read.
    let reader = if Kernel::running().reads_signalfds_by_iterator() {
        assert_eq!(*tid, pid);
        "workload".to_owned()
    } else {
        assert_ne!(*tid, pid);
        format!("iou-wrk-{pid}")
    };
    json!({ "event": "syscall", "syscall": "read", "abi": expect::abi(), "pid": pid, "tid": tid,
        "ppid": parent, "uid": 0, "gid": 0, "comm": reader, "cgroup": 1,
        "args": { "fd": null, "mask": ["SIGUSR2"], "siginfo": siginfo, "count": 128 },
        "ret": ret, "error": error })
}
