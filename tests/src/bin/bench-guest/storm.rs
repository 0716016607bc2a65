//! What is lost of more calls than anybody can read, in a guest of four processors: by sigtrace
//! with its default ring, and by bpftrace.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sigtrace_tests::processors;

use crate::tracer::{EVENTS, Tracer};

const THREADS: u64 = 16;
const CALLS: u64 = 200_000;
/// How long a tracer's output has to stay as it is before it counts as complete.
const QUIET: Duration = Duration::from_secs(1);

/// What is in a line of sigtrace's or bpftrace's about a call of the flood's, and in no other: whom
/// it is aimed at.
const OF_SIGTRACE: &str = r#""args":{"pid":2147483634,"#;
const OF_BPFTRACE: &str = " kill(2147483634, ";

/// Measures both.
pub(crate) fn measure() -> Result<()> {
    // Attaching and detaching; the flood takes all processors.
    processors::keep_to_one();
    let tracer = Tracer::sigtrace(&["--stats"], File::create(EVENTS)?.into())?;
    let made = flood()?;
    settle()?;
    tracer.stop()?;
    let printed = lines_with(OF_SIGTRACE)?;
    let without_result = stats()?["incomplete"]["return_missed"].clone();
    print("sigtrace", made, printed, without_result);
    match Tracer::try_bpftrace()? {
        Ok(tracer) => {
            let made = flood()?;
            settle()?;
            tracer.stop()?;
            print("bpftrace", made, lines_with(OF_BPFTRACE)?, 0.into());
        }
        Err(refusal) => refusal.print("bpftrace"),
    }
    Ok(())
}

fn print(tracer: &str, made: u64, printed: u64, without_result: Value) {
    let lost = made.saturating_sub(printed);
    println!(
        "{}",
        json!({
            "measure": "storm",
            "tracer": tracer,
            "calls": made,
            "lost": lost,
            "without_result": without_result,
        })
    );
}

/// Has the calls made; how many they were.
fn flood() -> Result<u64> {
    let mut command = Command::new("/payload/workload");
    command.arg("flood").args([THREADS, CALLS / THREADS, 0].map(|number| number.to_string()));
    command.arg("kill").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start the flood")?;
    // A line has it begin; the end of its input has it say how many calls it has made.
    child.stdin.take().context("the flood has no input")?.write_all(b"\n")?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the flood ended with {}", output.status);
    let made = String::from_utf8_lossy(&output.stdout);
    made.trim().parse().with_context(|| format!("the flood counted {made:?} calls"))
}

/// Waits until the tracer has written what it has to write.
fn settle() -> Result<()> {
    let size = || fs::metadata(EVENTS).map(|events| events.len());
    let mut before = size()?;
    loop {
        thread::sleep(QUIET);
        let now = size()?;
        if now == before {
            return Ok(());
        }
        before = now;
    }
}

/// How many lines of the output have this in them.
fn lines_with(part: &str) -> Result<u64> {
    let mut count = 0;
    for line in BufReader::new(File::open(EVENTS)?).lines() {
        count += u64::from(line?.contains(part));
    }
    Ok(count)
}

/// sigtrace's record of what it did, the last line of its output.
fn stats() -> Result<Value> {
    let last = BufReader::new(File::open(EVENTS)?).lines().last();
    let last = last.context("sigtrace printed nothing")??;
    serde_json::from_str(&last).context("sigtrace's last line is no stats record")
}
