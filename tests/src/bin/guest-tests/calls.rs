//! Whole events of every syscall, from workloads that state what they did.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use sigtrace_tests::harness::{Test, Trace, Tracer, Workload};
use sigtrace_tests::kernel;

/// All workloads in one trace: attaching takes longer than they do.
pub(crate) struct Traced {
    pub(crate) trace: Trace,
    /// By the names of the tests.
    workloads: BTreeMap<&'static str, Result<Workload, String>>,
}

/// As sigtrace comes.
pub(crate) static BY_DEFAULT: LazyLock<Traced> = LazyLock::new(|| Traced::with(&["--stats"]));

/// By trampolines.
pub(crate) static BY_TRAMPOLINES: LazyLock<Traced> =
    LazyLock::new(|| Traced::with(&["--stats", "--probe", "fentry"]));

/// By one program for all entries, and trampolines.
pub(crate) static BY_ONE_LINK: LazyLock<Traced> =
    LazyLock::new(|| Traced::with(&["--stats", "--probe", "kprobe.multi"]));

/// By pairs.
pub(crate) static BY_PAIRS: LazyLock<Traced> =
    LazyLock::new(|| Traced::with(&["--stats", "--probe", "kprobe"]));

impl Traced {
    fn with(args: &[&str]) -> Self {
        Self::by(Tracer::start(args))
    }

    /// By a tracer of all calls that is running.
    pub(crate) fn by(tracer: Tracer) -> Self {
        let workloads = WORKLOADS.iter().map(|(test, name, run)| (*test, run(name))).collect();
        Self { trace: tracer.finish(), workloads }
    }

    /// The trace tells of what the workload of a test did.
    #[track_caller]
    fn assert_told(&self, test: &str) {
        match &self.workloads[test] {
            Ok(workload) => self.trace.assert_tells_of(workload),
            Err(error) => panic!("{error}"),
        }
    }

    /// It tells of what all of them did, but for those of these tests.
    #[track_caller]
    pub(crate) fn assert_all_told_but(&self, left_out: &[&str]) {
        let tests = self.workloads.keys().filter(|test| !left_out.contains(test));
        tests.for_each(|test| self.assert_told(test));
    }
}

/// A test, its workload, and a way to run that.
type Run = (&'static str, &'static str, fn(&str) -> Result<Workload, String>);

/// A test for each workload and each way to run it, of the workload's name after the way's prefix, where there is such
/// a way and such a call.
macro_rules! told {
    ($(#[$here:meta] $run:expr, $prefix:literal [$($(#[$has:meta])? $name:literal),+ $(,)?])+) => {
        const WORKLOADS: &[Run] = &[
            $($(#[$here] $(#[$has])? (concat!($prefix, $name), $name, $run),)+)+
        ];

        /// All of them.
        pub const TESTS: &[Test] = &[
            $($(#[$here] $(#[$has])? Test {
                name: concat!($prefix, $name),
                run: || BY_DEFAULT.assert_told(concat!($prefix, $name)),
            },)+)+
            Test { name: "every_syscall_is_told_of_and_counted", run: assert_counted },
        ];
    };
}

/// Nothing was left out of the table, and the accounting is that of the events.
fn assert_counted() {
    let trace = &BY_DEFAULT.trace;
    let stats = trace.stats();
    let printed: Vec<_> = stats.0["printed"].as_object().into_iter().flatten().collect();
    assert_eq!(printed.len(), kernel::syscalls().len(), "{}", stats.0);
    for (syscall, printed) in printed {
        let calls = trace.calls_of(syscall).count();
        assert!(calls > 0, "no workload calls {syscall}");
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
    #[cfg(all())]
    |name| Workload::try_run(name, &[]), "" [
        "kill",
        "tkill-tgkill",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigpending",
        "siginfo",
        "rt_sigqueueinfo",
        "arrivals",
        #[cfg(not(target_arch = "aarch64"))]
        "pause",
        "rt_sigsuspend",
        "rt_sigtimedwait",
        "restart_syscall",
        "rt_sigreturn",
        "sigaltstack",
        "late",
        "signalfd",
        "read",
        "pidfd_open",
        "pidfd_send_signal",
        "names",
        "users",
        "families",
        "threads",
        "cgroups",
        "namespaces",
        "exec",
    ]
    #[cfg(target_arch = "x86_64")]
    Workload::try_run_narrow, "i386-int80-" [
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
        "late",
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
    #[cfg(all())]
    Workload::try_run_32, "32-bit-program-" [
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
        "late",
        "signalfd",
        "read",
        "pidfd_open",
        "pidfd_send_signal",
        #[cfg(target_arch = "x86_64")]
        "signal",
        "sigaction",
        "sigprocmask",
        "sigpending",
        #[cfg(target_arch = "x86_64")]
        "sgetmask-ssetmask",
        "sigsuspend",
        "rt_sigtimedwait_time64",
        "sigreturn",
    ]
}
