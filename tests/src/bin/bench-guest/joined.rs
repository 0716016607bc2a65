//! What the agent executes for each signal that it follows from the call that sends it to the thread that takes it:
//! three events, which refer to each other; and for two of the three alone.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::tracer::{EVENTS, Tracer};
use crate::work::{nothing_lost, work};

/// Signals in a row, as many at a time as there is room for in the ring until the agent gets to run.
const BATCH: u64 = 1000;
const BATCHES: u64 = 20;
/// For the agent to read them.
const BREAK: Duration = Duration::from_millis(150);
/// Signals with a pause after each.
const FEW: u64 = 1000;
const PAUSE: Duration = Duration::from_millis(1);

/// All kinds; of the calls only that which sends, so not the return of the handler.
const JOINED: &str = "--syscall kill --events all";
/// With who they are that the events name.
const FULL: &str = "--context full";
/// Two of the kinds; the third is in the table of the kills.
const ALONE: [&str; 2] = ["--events generate", "--events deliver"];

/// Measures sigtrace with different outputs and options.
pub(crate) fn measure() -> Result<()> {
    handle();
    in_a_row(JOINED, "", "/dev/null", Stdio::null())?;

    let mut reader = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let pipe = reader.stdin.take().context("cat has no input")?;
    in_a_row(JOINED, "", "a pipe", pipe.into())?;
    reader.wait()?;

    now_and_then()?;
    in_a_row(&format!("{JOINED} {FULL}"), FULL, "/dev/null", Stdio::null())?;
    for kind in ALONE {
        in_a_row(kind, kind, "/dev/null", Stdio::null())?;
    }
    Ok(())
}

fn in_a_row(options: &str, name: &str, output: &str, stdout: Stdio) -> Result<()> {
    let tracer = Tracer::sigtrace(&options.split(' ').collect::<Vec<_>>(), stdout)?;
    let instructions = work(&tracer, || {
        for _ in 0..BATCHES {
            (0..BATCH).for_each(|_| send());
            std::thread::sleep(BREAK);
        }
    })?;
    print(name, output, true, BATCHES * BATCH, instructions);
    nothing_lost(tracer)
}

fn now_and_then() -> Result<()> {
    let options: Vec<_> = JOINED.split(' ').collect();
    let tracer = Tracer::sigtrace(&options, File::create(EVENTS)?.into())?;
    let instructions = work(&tracer, || {
        for _ in 0..FEW {
            send();
            std::thread::sleep(PAUSE);
        }
    })?;
    print("", "a file", false, FEW, instructions);
    nothing_lost(tracer)
}

/// `options` are those beside what has all three events told.
fn print(options: &str, output: &str, in_a_row: bool, signals: u64, instructions: u64) {
    println!(
        "{}",
        json!({
            "measure": "joined",
            "options": options,
            "output": output,
            "in_a_row": in_a_row,
            "signals": signals,
            "instructions": instructions / signals,
        })
    );
}

/// Has the signal handled by what does nothing.
fn handle() {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler = nothing as extern "C" fn(libc::c_int);
    // SAFETY: the handler touches nothing.
    unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
}

/// Sends us a signal, which is taken as the call returns.
fn send() {
    // SAFETY: plain system calls.
    unsafe { libc::kill(libc::getpid(), libc::SIGUSR1) };
}
