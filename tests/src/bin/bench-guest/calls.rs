//! What calls cost their caller untraced, with an empty pair of probes, and under each tracer.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sigtrace_tests::expect::entry;

use crate::clock;
use crate::empty_pair::EmptyPairs;
use crate::percall;
use crate::tracer::{self, EVENTS, Refusal, Tracer};

const STRACE: &str = "strace";
const PERCALL: [&str; 2] = ["/payload/bench-guest", "percall"];
/// The calls that percall makes, and that are traced.
const SYSCALLS: [&str; 3] = ["rt_sigprocmask", "kill", "rt_sigpending"];
/// Of those, one that programs make rarely: sigtrace may probe it by another mechanism.
const RARE: &str = "rt_sigpending";

/// Mechanisms to probe by, beside what sigtrace chooses itself. It need not know all of them, nor
/// have them all on every kernel.
const MECHANISMS: [&str; 4] = ["kprobe", "fentry", "kprobe.multi", "kprobe.session"];
/// None lets a call of percall's through, and each stops it at its own place. Process 1 is there,
/// and has no part in the calls.
const FILTERS: [&str; 7] = [
    "--uid 4242",
    "--uid 4242,4243",
    "--comm nosuch",
    "--comm nosuch,nobody",
    "--caller 1",
    "--pid 1",
    "--signal TERM",
];
/// Of those, what is measured with every mechanism.
const FILTERS_OF_ALL: [&str; 2] = ["--uid 4242", "--pid 1"];

/// Whether a sigtrace lets the calls through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Selected {
    All,
    None,
}

/// Measures them in turn.
pub(crate) fn measure() -> Result<()> {
    clock()?;
    print("untraced", untraced()?);
    let pairs = EmptyPairs::attach(&SYSCALLS.map(entry))?;
    print("empty", untraced()?);
    drop(pairs);
    sigtrace("", Selected::All)?.map_err(anyhow::Error::from)?;
    for filter in FILTERS {
        sigtrace(filter, Selected::None)?.map_err(anyhow::Error::from)?;
    }
    for mechanism in MECHANISMS {
        by(&format!("--probe {mechanism}"))?;
    }
    match Tracer::try_bpftrace()? {
        Ok(tracer) => {
            let calls = untraced()?;
            tracer.stop()?;
            print("bpftrace", calls);
        }
        Err(refusal) => refusal.print("bpftrace"),
    }
    match strace()? {
        Ok(calls) => print("strace", calls),
        Err(refusal) => refusal.print("strace"),
    }
    Ok(())
}

/// Says how many instructions a loop of a known number of them takes by the clock that everything is
/// measured with.
fn clock() -> Result<()> {
    let counted = clock::counted();
    println!("{}", json!({ "measure": "clock", "executed": clock::EXECUTED, "counted": counted }));
    let off = counted.abs_diff(clock::EXECUTED);
    ensure!(off <= clock::TOLERANCE, "the guest's clock does not count instructions: {off} off");
    Ok(())
}

/// Measures a mechanism, or says that it cannot be had.
fn by(mechanism: &str) -> Result<()> {
    if let Err(refusal) = sigtrace(mechanism, Selected::All)? {
        refusal.print(&format!("sigtrace {mechanism}"));
        return Ok(());
    }
    for filter in FILTERS_OF_ALL {
        let options = format!("{mechanism} {filter}");
        sigtrace(&options, Selected::None)?.map_err(anyhow::Error::from)?;
    }
    Ok(())
}

fn print(tracer: &str, mut calls: Value) {
    calls["measure"] = "calls".into();
    calls["tracer"] = tracer.into();
    println!("{calls}");
}

/// Makes the calls beside whatever traces at the time; what they cost.
pub(crate) fn untraced() -> Result<Value> {
    percall(Command::new(PERCALL[0]).arg(PERCALL[1]))
}

/// Runs the calls, some of which are aimed at us.
fn percall(command: &mut Command) -> Result<Value> {
    command.arg(std::process::id().to_string());
    let output = command.stderr(Stdio::inherit()).output().context("cannot start percall")?;
    ensure!(output.status.success(), "percall: {}", output.status);
    serde_json::from_slice(&output.stdout).context("percall's output")
}

/// Measures sigtrace with these options, unless it refuses them. It prints all of the calls or
/// none, which its books must bear out.
fn sigtrace(options: &str, selected: Selected) -> Result<Result<(), Refusal>> {
    let args: Vec<&str> = ["--stats"].into_iter().chain(options.split_whitespace()).collect();
    let tracer = match Tracer::try_sigtrace(&args, File::create(EVENTS)?.into())? {
        Ok(tracer) => tracer,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut calls = untraced()?;
    tracer.stop()?;
    let events = fs::read_to_string(EVENTS)?;
    let stats: Value = serde_json::from_str(events.lines().last().unwrap_or_default())
        .context("sigtrace's last line is no stats record")?;
    for syscall in SYSCALLS {
        let printed = stats["printed"][syscall].as_u64().unwrap_or_default();
        let expected = match selected {
            Selected::All => printed >= percall::CALLS,
            Selected::None => printed < 100,
        };
        ensure!(expected, "sigtrace {options} printed {printed} times {syscall}");
    }
    let lost = stats["lost"].as_object().context("stats have no losses")?;
    ensure!(lost.values().all(|count| count == 0), "sigtrace {options} lost calls: {lost:?}");
    calls["filtered"] = (selected == Selected::None).into();
    calls["probe"] = stats["probes"]["kill"].clone();
    calls["probe_of_rare"] = stats["probes"][RARE].clone();
    print(format!("sigtrace {options}").trim_end(), calls);
    Ok(Ok(()))
}

fn strace() -> Result<Result<Value, Refusal>> {
    if let Err(absent) = tracer::find(STRACE) {
        return Ok(Err(absent));
    }
    let mut command = Command::new(STRACE);
    command.args(["--seccomp-bpf", "-f", "-e", "trace=rt_sigprocmask,kill", "-o", EVENTS]);
    let calls = percall(command.args(PERCALL))?;
    let lines = fs::read_to_string(EVENTS)?.lines().count() as u64;
    ensure!(lines >= 2 * percall::CALLS, "strace printed {lines} lines only");
    Ok(Ok(calls))
}
