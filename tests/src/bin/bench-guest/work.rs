//! What tracers execute themselves for each event, and the memory sigtrace takes.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use crate::clock::processor_time;
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
    let tracer = Tracer::sigtrace(&KILL, Stdio::null())?;
    print("sigtrace", "/dev/null", MANY, in_a_row(&tracer)?);
    println!("{}", memory(tracer.pid())?);
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
fn work(tracer: &Tracer, calls: impl FnOnce()) -> Result<u64> {
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

fn nothing_lost(tracer: Tracer) -> Result<()> {
    let messages = tracer.stop()?;
    ensure!(messages.contains(" 0 lost"), "sigtrace lost events: {messages}");
    Ok(())
}

/// The resident memory of a process, in kilobytes.
fn memory(pid: u32) -> Result<Value> {
    let path = format!("/proc/{pid}/status");
    let mut memory = resident(&fs::read_to_string(&path).context(path)?);
    memory.insert("measure".into(), "memory".into());
    Ok(memory.into())
}

fn resident(status: &str) -> Map<String, Value> {
    let number = |line: &str, name: &str| {
        line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    let wanted = [
        ("VmRSS:", "all"),
        ("RssAnon:", "anonymous"),
        ("RssFile:", "file"),
        ("RssShmem:", "shared"),
    ];
    let found = wanted.iter().filter_map(|(name, key)| {
        let number = status.lines().find_map(|line| number(line, name))?;
        Some(((*key).to_owned(), number.into()))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_the_status() {
        let status = "Name:\tx\nVmRSS:\t   12408 kB\nRssAnon:\t    1000 kB\nThreads:\t1\n";
        assert_eq!(Value::from(resident(status)), json!({ "all": 12408, "anonymous": 1000 }));
    }
}
