//! Calls of x32 programs, on a kernel that has entries for them (`CONFIG_X86_X32_ABI`, and Debian's
//! `syscall.x32=y`).

use std::process::ExitCode;

use serde_json::Value;
use sigtrace_tests::harness::{self, Test, Tracer, Workload};
use sigtrace_tests::kernel::Kernel;

/// A test for each mechanism.
macro_rules! by_mechanism {
    ($($mechanism:literal),+ $(,)?) => {
        &[$(Test {
            name: concat!("calls_of_x32_programs_are_told_of_by_", $mechanism),
            run: || assert_told_by($mechanism),
        }),+]
    };
}

const TESTS: &[Test] = by_mechanism!["auto", "kprobe", "fentry", "kprobe.multi", "kprobe.session"];

/// Those that make calls whose structures x32 programs have of their own.
const WORKLOADS: [&str; 8] = [
    "rt_sigaction",
    "rt_sigpending",
    "siginfo",
    "rt_sigqueueinfo",
    "arrivals",
    "rt_sigtimedwait",
    "sigaltstack",
    "x32-frames",
];

/// What these have entries of their own for.
const OWN: [&str; 7] = [
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigqueueinfo",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "rt_tgsigqueueinfo",
    "sigaltstack",
];

fn main() -> ExitCode {
    harness::main(&[("x32", TESTS)])
}

fn assert_told_by(mechanism: &str) {
    assert!(Kernel::running().has_mechanism(mechanism), "{mechanism}");
    let tracer = Tracer::start(&["--stats", "--probe", mechanism]);
    let workloads = WORKLOADS.map(Workload::try_run_as_x32);
    let trace = tracer.finish();
    for workload in &workloads {
        let workload = workload.as_ref().unwrap_or_else(|error| panic!("{error}"));
        trace.assert_tells_of(workload);
    }
    let of_x32 = trace.calls().filter(|call| call["abi"] == "x32");
    let mut syscalls: Vec<_> = of_x32.filter_map(|call| call["syscall"].as_str()).collect();
    syscalls.sort_unstable();
    syscalls.dedup();
    assert_eq!(syscalls, OWN);
    let stats = trace.stats();
    assert_eq!((stats.lost(), &stats.0["incomplete"]["return_missed"]), (0, &Value::from(0)));
}
