//! A program under both tracers.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use sigtrace_tests::harness::{Ended, Trace, Tracer, run_to_end};

use crate::compare::Comparison;
use crate::log::{self, Thread};
use crate::told::Told;
use crate::{strace, tally};

/// Where strace writes.
const LOG: &str = "/tmp/strace.log";
/// Where a program that is not followed leaves its number.
const PID: &str = "/tmp/strace.pid";

/// Whom strace follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// The program, all its threads and all their children.
    All,
    /// The program alone: it is a debugger, and would like to trace children of its own.
    Nobody,
}

/// A program: its name, how many calls it makes at least if it does what it is here for, and a
/// command line of the shell, which has to succeed.
pub(crate) type Program<'a> = (&'a str, usize, &'a str);

/// Runs programs, one after the other, and compares what the tracers tell of each.
#[track_caller]
pub(crate) fn agree(programs: &[Program<'_>]) {
    agree_if_followed(Follow::All, programs);
}

/// The same of programs that are to be followed in their own way.
#[track_caller]
pub(crate) fn agree_if_followed(follow: Follow, programs: &[Program<'_>]) {
    let tracer = start();
    let logs: Vec<_> = programs.iter().map(|(name, _, line)| trace(follow, name, line)).collect();
    let trace = finish(tracer);
    let told = Told::new(&trace.events);
    let mut problems = String::new();
    for ((name, least, _), threads) in programs.iter().zip(&logs) {
        let mut comparison = Comparison::default();
        for (tid, thread) in threads {
            let [strace, sigtrace] = told.beside(*tid, thread);
            comparison.thread(*tid, &strace, &sigtrace);
        }
        problems.push_str(&judged(name, *least, &comparison));
    }
    assert!(problems.is_empty(), "{problems}");
}

/// Counts what was compared of a program, which has to be so much at least. Returns what is wrong
/// with it, for people to read.
pub(crate) fn judged(program: &str, least: usize, comparison: &Comparison) -> String {
    tally::add(program, comparison);
    let Comparison { counts, differences, examples, .. } = comparison;
    if *differences > 0 {
        let examples: String = examples.values().map(String::as_str).collect();
        return format!("{program}: {counts}, {differences} differences, such as\n{examples}");
    }
    if counts.calls < least {
        return format!("{program}: {counts} instead of {least} calls at least: did it run?\n");
    }
    String::new()
}

/// sigtrace, of the whole machine and with room for everything.
pub(crate) fn start() -> Tracer {
    // strace cannot tell the reads from a signalfd from the others, of which there are too many. That
    // a signal is sent it does not see.
    let what = ["--events", "syscall,deliver,exit", "--syscall", "!read"];
    Tracer::start(&[&what[..], &["--ring-size", "16M", "--stats"]].concat())
}

/// What sigtrace told, which has to be all.
#[track_caller]
pub(crate) fn finish(tracer: Tracer) -> Trace {
    let trace = tracer.finish();
    let stats = trace.stats();
    let lost = [stats.lost(), stats.delivers()[2], stats.exits()[2]];
    assert_eq!(lost, [0; 3], "sigtrace lost calls, signals or ends: {}", trace.stderr);
    trace
}

/// strace with everything in full: structures with all members.
pub(crate) fn strace() -> Command {
    let mut command = Command::new("strace");
    command.args(["-q", "-v", "-e", "decode-fds=pidfd", "-o", LOG]);
    command.arg("-e").arg(format!("trace={}", strace::syscalls()));
    command
}

/// What strace wrote.
#[track_caller]
pub(crate) fn log() -> BTreeMap<i32, Thread> {
    threads(&take(LOG))
}

#[track_caller]
fn trace(follow: Follow, name: &str, line: &str) -> BTreeMap<i32, Thread> {
    let mut command = strace();
    match follow {
        // With the kernel's filter they are stopped at the calls to be shown, not at all.
        Follow::All => command.args(["-f", "--seccomp-bpf", "sh", "-c", line]),
        Follow::Nobody => command.args(["sh", "-c", &format!("echo $$ >{PID}; exec {line}")]),
    };
    let Ended { status, stdout, stderr } = run_to_end(&mut command);
    assert!(status.success(), "{name} ended with {status}\n{stdout}{stderr}");
    let mut text = take(LOG);
    if follow == Follow::Nobody {
        // Of one thread it does not say which.
        let tid = take(PID);
        let lines = text.lines().map(|line| format!("{} {line}\n", tid.trim()));
        text = lines.collect();
    }
    threads(&text)
}

/// The calls in what strace wrote.
#[track_caller]
fn threads(text: &str) -> BTreeMap<i32, Thread> {
    log::read(text).unwrap_or_else(|error| panic!("strace's log: {error}"))
}

#[track_caller]
fn take(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let _ = fs::remove_file(path);
    text
}
