//! Reads that no thread makes a call for.

use serde_json::json;
use sigtrace_tests::harness::{Test, run};
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::tests;

use crate::scene::foreseeable;

/// All of them.
pub const TESTS: &[Test] = tests![a_signal_that_io_uring_reads_is_told_of_without_a_descriptor];

fn a_signal_that_io_uring_reads_is_told_of_without_a_descriptor() {
    for probe in ["auto", "kprobe"] {
        let trace = run(&["-s", "read", "--probe", probe], &["workload", "io_uring"]);
        assert_eq!(trace.status.code(), Some(0), "{trace:#?}");
        let ids: Vec<u32> = trace.stdout.split_whitespace().flat_map(str::parse).collect();
        let (&[pid, parent], [read]) = (&ids[..], &trace.events[..]) else { panic!("{trace:#?}") };
        let tid = &read["tid"];
        // Without an iterator the kernel has a thread of its own wait for what there is to read.
        let reader = if Kernel::running().reads_signalfds_by_iterator() {
            assert_eq!(*tid, pid);
            "workload".to_owned()
        } else {
            assert_ne!(*tid, pid);
            format!("iou-wrk-{pid}")
        };
        let siginfo = json!({ "sig": "SIGUSR2", "signo": 12, "code": "SI_USER", "errno": 0,
            "pid": pid, "uid": 0 });
        let expected = json!({ "event": "syscall", "syscall": "read", "abi": "x86_64", "pid": pid,
            "tid": tid, "ppid": parent, "uid": 0, "gid": 0, "comm": reader, "cgroup": 1,
            "args": { "fd": null, "mask": ["SIGUSR2"], "siginfo": [siginfo], "count": 128 },
            "ret": 128, "error": null });
        assert_eq!(foreseeable(read), expected);
    }
}
