//! stress-ng, once with each of its stressors of signals.

use crate::run::agree;

/// After so many seconds a stressor ends that has not done its rounds.
const SECONDS: u32 = 4;

/// The stressors, each with its number of rounds.
const STRESSORS: [(&str, u32); 24] = [
    // Signals from one process to another, or to itself.
    ("kill", 300),
    ("sigabrt", 100),
    ("sigchld", 100),
    ("sighup", 10),
    ("signal", 300),
    ("signest", 300),
    // Queued signals, and those who wait for them.
    ("sigfd", 300),
    ("sigpending", 200),
    ("sigq", 150),
    ("sigrt", 200),
    ("sigsuspend", 300),
    // Signals that the processor raises.
    ("sigbus", 300),
    ("sigfpe", 300),
    ("sigill", 300),
    ("sigsegv", 300),
    ("sigtrap", 300),
    // Signals that the kernel sends.
    ("alarm", 1),
    ("sigio", 2),
    ("sigpipe", 300),
    ("sigurg", 300),
    ("sigvtalrm", 300),
    ("sigxcpu", 300),
    ("sigxfsz", 300),
    ("timer", 300),
];

pub(crate) fn stress_ng_with_each_stressor_of_signals() {
    let run = |(name, rounds): &(&str, u32)| {
        let line = format!("exec stress-ng --{name} 1 --{name}-ops {rounds} --timeout {SECONDS}");
        (format!("stress-ng --{name}"), line)
    };
    let runs = STRESSORS.each_ref().map(run);
    // It fails if it skips a stressor.
    let runs: Vec<_> = runs.iter().map(|(name, line)| (name.as_str(), 40, line.as_str())).collect();
    agree(&runs);
}
