//! Whole events of every syscall, from workloads that state what they did.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use sigtrace_tests::harness::{Test, Trace, Tracer, Workload};

/// The workloads, all run in one trace: attaching takes longer than they do.
static STAGE: LazyLock<Stage> = LazyLock::new(Stage::play);

struct Stage {
    trace: Trace,
    /// By the name of their test.
    workloads: BTreeMap<&'static str, Result<Workload, String>>,
}

/// How a workload is run.
#[derive(Clone, Copy)]
enum How {
    AsItIs,
    /// By `int 0x80`, with the structures of 32-bit programs.
    ByInt80,
    /// As a 32-bit program.
    As32Bit,
}

impl Stage {
    fn play() -> Self {
        let tracer = Tracer::start(&["--stats"]);
        let run = |(test, how, name): &(&'static str, How, &str)| {
            let workload = match how {
                How::AsItIs => Workload::try_run(name, &[]),
                How::ByInt80 => Workload::try_run_by_int80(name),
                How::As32Bit => Workload::try_run_32(name),
            };
            (*test, workload)
        };
        let workloads = WORKLOADS.iter().map(run).collect();
        Self { trace: tracer.finish(), workloads }
    }
}

fn assert_told(name: &str) {
    match &STAGE.workloads[name] {
        Ok(workload) => STAGE.trace.assert_tells_of(workload),
        Err(error) => panic!("{error}"),
    }
}

/// A test for each workload, of the same name after the group's.
macro_rules! told {
    ($($how:ident $group:literal [$($name:literal),+ $(,)?])+) => {
        const WORKLOADS: &[(&str, How, &str)] =
            &[$($((concat!($group, $name), How::$how, $name)),+),+];

        /// All of them.
        pub const TESTS: &[Test] = &[
            $($(Test {
                name: concat!($group, $name),
                run: || assert_told(concat!($group, $name)),
            },)+)+
            Test { name: "every_syscall_is_told_of_and_counted", run: assert_counted },
        ];
    };
}

/// The accounting of all workloads together is that of the events, and nothing was left out of the
/// table.
fn assert_counted() {
    let (trace, stats) = (&STAGE.trace, STAGE.trace.stats());
    let syscalls: Vec<_> = stats.0["printed"].as_object().into_iter().flatten().collect();
    assert_eq!(syscalls.len(), 28, "{}", stats.0);
    for (syscall, printed) in syscalls {
        let calls = trace.calls_of(syscall).count();
        assert_ne!(calls, 0, "no workload calls {syscall}");
        assert_eq!(printed, calls, "{syscall}: {}", stats.0);
    }
    let unreadable = |call: &&Value| {
        let mut args = call["args"].as_object().into_iter().flatten();
        args.any(|(_, value)| value.get("unreadable").is_some())
    };
    let count = trace.calls().filter(unreadable).count() as u64;
    assert_eq!(stats.incomplete("unreadable"), count, "{}", stats.0);
    assert_eq!(stats.lost(), 0, "{}", stats.0);
}

told! {
    AsItIs "" [
        "kill",
        "tkill-tgkill",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigpending",
        "siginfo",
        "rt_sigqueueinfo",
        "arrivals",
        "pause",
        "rt_sigsuspend",
        "rt_sigtimedwait",
        "restart_syscall",
        "rt_sigreturn",
        "sigaltstack",
        "signalfd",
        "read",
        "pidfd_open",
        "pidfd_send_signal",
        "names",
        "users",
        "families",
        "threads",
        "cgroups",
        "processors",
        "namespaces",
        "exec",
    ]
    ByInt80 "i386-int80-" [
        "kill",
        "tkill-tgkill",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigpending",
        "siginfo",
        "rt_sigqueueinfo",
        "arrivals",
        "pause",
        "rt_sigsuspend",
        "rt_sigtimedwait",
        "restart_syscall",
        "sigaltstack",
        "signalfd",
        "pidfd_open",
        "pidfd_send_signal",
        "signal",
        "sigaction",
        "sigprocmask",
        "sigpending",
        "sgetmask-ssetmask",
        "sigsuspend",
        "rt_sigtimedwait_time64",
    ]
    As32Bit "i386-program-" [
        "kill",
        "tkill-tgkill",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigpending",
        "siginfo",
        "rt_sigqueueinfo",
        "arrivals",
        "pause",
        "rt_sigsuspend",
        "rt_sigtimedwait",
        "restart_syscall",
        "rt_sigreturn",
        "sigaltstack",
        "signalfd",
        "pidfd_open",
        "pidfd_send_signal",
        "signal",
        "sigaction",
        "sigprocmask",
        "sigpending",
        "sgetmask-ssetmask",
        "sigsuspend",
        "rt_sigtimedwait_time64",
        "sigreturn",
    ]
}
