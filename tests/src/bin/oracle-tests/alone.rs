//! Programs with strace and without. To show what a pointer points to, strace reads the memory of the
//! thread that it traces, and brings in pages that a probe, which cannot wait for memory, could not
//! have read. So programs run under strace, and once more without it, and have to have made the same
//! calls with the same inputs.

use std::process::{Command, Stdio};

use sigtrace_tests::harness::{Test, spawn};
use sigtrace_tests::tests;

use crate::alike::{Alike, Run};
use crate::told::calls_by_thread;
use crate::{repeatable, run};

/// The test.
pub(crate) const TESTS: &[Test] = tests![programs_have_the_same_inputs_without_strace];

/// So many calls have to be compared of each program, or it did not do what it is here for.
const LEAST: usize = 50;
/// So many of all of them.
const ENOUGH: usize = 9_000;

fn programs_have_the_same_inputs_without_strace() {
    let programs = repeatable::programs();
    let tracer = run::start();
    let mut numbers = Vec::new();
    for (name, line) in &programs {
        let mut strace = run::strace();
        numbers.push(run(name, strace.args(["-f", "--seccomp-bpf", "setarch"]), line));
        numbers.push(run(name, &mut Command::new("setarch"), line));
    }
    numbers.push(i32::MAX);
    let trace = run::finish(tracer);
    let events = calls_by_thread(&trace);
    let (mut calls, mut late, mut problems) = (0, 0, String::new());
    println!();
    for ((name, _), numbers) in programs.iter().zip(numbers.windows(3).step_by(2)) {
        let with = Run::new(&events, numbers[0]..numbers[1]);
        let without = Run::new(&events, numbers[1]..numbers[2]);
        let alike = Alike::of(&with, &without);
        println!("{:>7} calls of {name} with strace and without", alike.calls);
        calls += alike.calls;
        late += alike.late;
        problems.push_str(&judged(name, &alike));
    }
    println!("{calls:>7} calls compared with strace and without, {late} inputs read late");
    assert!(problems.is_empty(), "{problems}");
    assert!(calls >= ENOUGH, "{calls} calls were compared, not {ENOUGH}");
}

/// What is wrong with a program, for people to read.
fn judged(name: &str, alike: &Alike) -> String {
    let Alike { calls, differences, examples, .. } = alike;
    if *differences > 0 {
        format!("{name}: {calls} calls, {differences} differences, such as\n{examples}")
    } else if *calls < LEAST {
        format!("{name}: {calls} calls instead of {LEAST} at least: did it run?\n")
    } else {
        String::new()
    }
}

/// Runs a program by `setarch`, or strace that runs that, so that addresses are the same each time.
/// Returns the number of the first process, which is below those of all others.
#[track_caller]
fn run(name: &str, setarch: &mut Command, line: &str) -> i32 {
    setarch.args(["--addr-no-randomize", "sh", "-c", line]).stdin(Stdio::null());
    let child = spawn(setarch.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let number = child.id().cast_signed();
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(output.status.success(), "{name}: {output:#?}");
    number
}
