//! How long sigtrace takes to end when a service manager tells it to: wall-clock time, in a guest
//! that has nothing else to do.

use std::io::{self, PipeReader};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;

use crate::clock::median;
use crate::tracer::Tracer;

const ENDS: usize = 3;
/// From when all is attached: what that set off in the kernel is over then.
const REST: Duration = Duration::from_secs(2);

/// Measures some ends, the medians.
pub(crate) fn measure() -> Result<()> {
    let (mut output, mut exit) = (Vec::new(), Vec::new());
    for _ in 0..ENDS {
        let end = end()?;
        output.push(nanoseconds(end.output));
        exit.push(nanoseconds(end.exit));
    }
    println!(
        "{}",
        json!({ "measure": "end", "output_ns": median(output), "exit_ns": median(exit) })
    );
    Ok(())
}

/// From SIGTERM on.
struct End {
    /// Until nobody has its standard output open any more.
    output: Duration,
    /// Until it can be waited for.
    exit: Duration,
}

fn end() -> Result<End> {
    let (reader, writer) = io::pipe()?;
    let tracer = Tracer::sigtrace(&[], writer.into())?;
    let reading = thread::spawn(move || closed(reader));
    thread::sleep(REST);
    let start = Instant::now();
    tracer.terminate()?;
    let exit = start.elapsed();
    let closed = reading.join().map_err(|_| anyhow!("the reader panicked"))?;
    let closed = closed.context("sigtrace's output cannot be read")?;
    Ok(End { output: closed.duration_since(start), exit })
}

/// Reads to the end; when that was.
fn closed(mut reader: PipeReader) -> io::Result<Instant> {
    io::copy(&mut reader, &mut io::sink())?;
    Ok(Instant::now())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
