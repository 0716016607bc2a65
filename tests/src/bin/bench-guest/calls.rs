//! What calls cost their caller untraced, with an empty pair of probes, and under each tracer.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::empty_pair::EmptyPairs;
use crate::percall;
use crate::tracer::{EVENTS, Tracer};

const PERCALL: [&str; 2] = ["/payload/bench-guest", "percall"];
const SYMBOLS: [&str; 2] = ["__x64_sys_rt_sigprocmask", "__x64_sys_kill"];
/// None lets a call of percall's through, and each stops it at its own place.
const FILTERS: [&str; 6] = [
    "--uid 4242",
    "--uid 4242,4243",
    "--caller 1",
    "--comm nosuch",
    "--comm nosuch,nobody",
    "--signal TERM",
];

/// Options that do not filter.
const TRAMPOLINES: [&str; 2] = ["--probe", "fentry"];

/// Measures them in turn.
pub(crate) fn measure() -> Result<()> {
    print("untraced", untraced()?);
    let pairs = EmptyPairs::attach(&SYMBOLS)?;
    print("empty", untraced()?);
    drop(pairs);
    print("sigtrace", sigtrace(&[])?);
    for filter in FILTERS {
        let args: Vec<&str> = filter.split(' ').collect();
        print(&format!("sigtrace {filter}"), sigtrace(&args)?);
    }
    print("trampolines", sigtrace(&TRAMPOLINES)?);
    let filter: Vec<&str> = FILTERS[0].split(' ').collect();
    print("trampolines, filtered", sigtrace(&[&TRAMPOLINES[..], &filter].concat())?);
    print("bpftrace", bpftrace()?);
    print("strace", strace()?);
    Ok(())
}

fn print(tracer: &str, mut calls: Value) {
    calls["measure"] = "calls".into();
    calls["tracer"] = tracer.into();
    println!("{calls}");
}

fn untraced() -> Result<Value> {
    percall(Command::new(PERCALL[0]).arg(PERCALL[1]))
}

fn percall(command: &mut Command) -> Result<Value> {
    let output = command.stderr(Stdio::inherit()).output().context("cannot start percall")?;
    ensure!(output.status.success(), "percall: {}", output.status);
    serde_json::from_slice(&output.stdout).context("percall's output")
}

/// Tracing, or filtering everything out, which the books must bear out.
fn sigtrace(options: &[&str]) -> Result<Value> {
    let args: Vec<&str> = ["--stats"].iter().chain(options).copied().collect();
    let filters = options.strip_prefix(&TRAMPOLINES).unwrap_or(options);
    let tracer = Tracer::sigtrace(&args, File::create(EVENTS)?.into())?;
    let calls = untraced()?;
    tracer.stop()?;
    let events = fs::read_to_string(EVENTS)?;
    let stats: Value = serde_json::from_str(events.lines().last().unwrap_or_default())
        .context("sigtrace's last line is no stats record")?;
    for syscall in ["kill", "rt_sigprocmask"] {
        let printed = stats["printed"][syscall].as_u64().unwrap_or_default();
        let expected = if filters.is_empty() { printed >= percall::CALLS } else { printed < 100 };
        ensure!(expected, "sigtrace {options:?} printed {printed} times {syscall}");
    }
    let lost = stats["lost"].as_object().context("stats have no losses")?;
    ensure!(lost.values().all(|count| count == 0), "sigtrace {options:?} lost calls: {lost:?}");
    Ok(calls)
}

fn bpftrace() -> Result<Value> {
    let tracer = Tracer::bpftrace()?;
    let calls = untraced()?;
    tracer.stop()?;
    Ok(calls)
}

fn strace() -> Result<Value> {
    let mut command = Command::new("strace");
    command.args(["--seccomp-bpf", "-f", "-e", "trace=rt_sigprocmask,kill", "-o", EVENTS]);
    let calls = percall(command.args(PERCALL))?;
    let lines = fs::read_to_string(EVENTS)?.lines().count() as u64;
    ensure!(lines >= 2 * percall::CALLS, "strace printed {lines} lines only");
    Ok(calls)
}
