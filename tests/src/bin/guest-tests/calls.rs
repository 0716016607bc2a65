//! Whole events of every syscall, from workloads that state what they did.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use sigtrace_tests::harness::{Test, Trace, Tracer, Workload};

/// The workloads that are run the same way, all in one trace: attaching takes longer than they do.
struct Stage {
    trace: Trace,
    workloads: BTreeMap<&'static str, Result<Workload, String>>,
}

impl Stage {
    fn play(names: &[&'static str], run: fn(&str) -> Result<Workload, String>) -> Self {
        let tracer = Tracer::start(&["--stats"]);
        let workloads = names.iter().map(|name| (*name, run(name))).collect();
        Self { trace: tracer.finish(), workloads }
    }

    fn assert_told(&self, name: &str) {
        match &self.workloads[name] {
            Ok(workload) => self.trace.assert_tells_of(workload),
            Err(error) => panic!("{error}"),
        }
    }

    /// The accounting of all workloads together is that of the events.
    fn assert_counted(&self) {
        let stats = self.trace.stats();
        for (syscall, printed) in stats.0["printed"].as_object().into_iter().flatten() {
            let calls = self.trace.calls_of(syscall).count();
            assert_eq!(printed, calls, "{syscall}: {}", stats.0);
        }
        let unreadable = |call: &&Value| {
            let mut args = call["args"].as_object().into_iter().flatten();
            args.any(|(_, value)| value.get("unreadable").is_some())
        };
        let count = self.trace.calls().filter(unreadable).count() as u64;
        assert_eq!(stats.incomplete("unreadable"), count, "{}", stats.0);
        assert_eq!(stats.lost(), 0, "{}", stats.0);
    }
}

/// A stage for each way to run workloads, and a test for each workload, of the same name after the
/// stage's prefix.
macro_rules! told {
    ($($stage:ident: $run:expr, $prefix:literal [$($name:literal),+ $(,)?])+) => {
        $(static $stage: LazyLock<Stage> = LazyLock::new(|| Stage::play(&[$($name),+], $run));)+

        /// All of them.
        pub const TESTS: &[Test] = &[
            $($(Test { name: concat!($prefix, $name), run: || $stage.assert_told($name) },)+)+
            Test { name: "every_syscall_is_told_of_and_counted", run: || {
                assert_counted(&[$(&$stage),+])
            } },
        ];
    };
}

/// Nothing was left out of the table, and the accounting is right.
fn assert_counted(stages: &[&Stage]) {
    for stage in stages {
        stage.assert_counted();
        let stats = stage.trace.stats();
        let syscalls: Vec<_> = stats.0["printed"].as_object().into_iter().flatten().collect();
        assert_eq!(syscalls.len(), 28, "{}", stats.0);
        for (syscall, _) in syscalls {
            let mut calls = stages.iter().flat_map(|stage| stage.trace.calls_of(syscall));
            assert!(calls.next().is_some(), "no workload calls {syscall}");
        }
    }
}

told! {
    AS_IT_IS: |name| Workload::try_run(name, &[]), "" [
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
    BY_INT80: Workload::try_run_by_int80, "i386-int80-" [
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
    AS_32_BIT: Workload::try_run_32, "i386-program-" [
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
