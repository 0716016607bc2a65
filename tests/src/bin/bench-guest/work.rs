//! What tracers execute themselves for each event, and the memory sigtrace takes.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::clock::processor_time;
use crate::memory;
use crate::tracer::{EVENTS, Tracer};

/// Events in a row, and events with a pause after each.
const MANY: u64 = 100_000;
const FEW: u64 = 1000;
const PAUSE: Duration = Duration::from_millis(1);
/// The longest it takes a tracer to get everything done.
const REST: Duration = Duration::from_millis(500);

const KILL: [&str; 2] = ["--syscall", "kill"];

/// Measures sigtrace with different outputs, and bpftrace.
pub(crate) fn measure() -> Result<()> {
    // Of everything, as it is the memory of one that comes so.
    let tracer = Tracer::sigtrace(&[], Stdio::null())?;
    print("sigtrace", "/dev/null", MANY, in_a_row(&tracer)?);
    println!("{}", memory::of(tracer.pid())?);
    nothing_lost(tracer)?;

    let mut reader = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let pipe = reader.stdin.take().context("cat has no input")?;
    let tracer = Tracer::sigtrace(&KILL, pipe.into())?;
    print("sigtrace", "a pipe", MANY, in_a_row(&tracer)?);
    nothing_lost(tracer)?;
    reader.wait()?;

    let tracer = Tracer::sigtrace(&KILL, File::create(EVENTS)?.into())?;
    print("sigtrace", "a file", FEW, now_and_then(&tracer)?);
    nothing_lost(tracer)?;
    // If it does not attach here, the calls have said so.
    if let Ok(tracer) = Tracer::try_bpftrace()? {
        print("bpftrace", "a file", FEW, now_and_then(&tracer)?);
        tracer.stop()?;
    }
    Ok(())
}

fn print(tracer: &str, output: &str, events: u64, instructions: u64) {
    println!(
        "{}",
        json!({
            "measure": "work",
            "tracer": tracer,
            "output": output,
            "in_a_row": events == MANY,
            "events": events,
            "instructions": instructions / events,
        })
    );
}

fn in_a_row(tracer: &Tracer) -> Result<u64> {
    work(tracer, || {
        for _ in 0..MANY {
            call();
        }
    })
}

fn now_and_then(tracer: &Tracer) -> Result<u64> {
    work(tracer, || {
        for _ in 0..FEW {
            call();
            std::thread::sleep(PAUSE);
        }
    })
}

/// What the tracer executes because of the calls, and until it has dealt with them.
pub(crate) fn work(tracer: &Tracer, calls: impl FnOnce()) -> Result<u64> {
    std::thread::sleep(REST);
    let before = processor_time(tracer.pid())?;
    calls();
    std::thread::sleep(REST);
    Ok(processor_time(tracer.pid())? - before)
}

fn call() {
    // SAFETY: plain system calls; signal 0 is never sent.
    unsafe { libc::kill(libc::getpid(), 0) };
}

/// Has sigtrace end, which must not have lost an event of any kind.
pub(crate) fn nothing_lost(tracer: Tracer) -> Result<()> {
    let messages = tracer.stop()?;
    let lost = losses(&messages);
    ensure!(
        !lost.is_empty() && lost.iter().all(|count| *count == "0"),
        "sigtrace lost events: {messages}"
    );
    Ok(())
}

/// How much was lost of each kind of event, as the account says that sigtrace ends with.
fn losses(messages: &str) -> Vec<&str> {
    let words: Vec<&str> = messages.split([' ', ',', ';', '\n']).collect();
    words.windows(2).filter(|pair| pair[1] == "lost").map(|pair| pair[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_losses_of_its_own() {
        let calls = "sigtrace: 20001 events, 0 calls filtered out, 0 lost\n";
        assert_eq!(losses(calls), ["0"]);
        let kinds = "sigtrace: 9 events, 0 calls filtered out, 1 lost, ring_full 1; generates: 8 printed, \
                     0 filtered, 2 lost; exits: 0 printed, 0 filtered, 3 lost\n";
        assert_eq!(losses(kinds), ["1", "2", "3"]);
        assert_eq!(losses("sigtrace: warning: no account\n"), [""; 0]);
    }
}
