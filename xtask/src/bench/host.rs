//! The measurement on this machine: from a record to a line of JSON.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::build;
use crate::process;
use crate::progress::Step;

/// A build with nothing to do takes less than this, and need not be mentioned.
const PATIENCE: Duration = Duration::from_secs(2);

/// From records to lines of JSON on this machine.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Decode {
    pub(super) events_per_second: f64,
    /// To the events a second by way of a `serde_json::Value`.
    pub(super) ratio: f64,
    pub(super) allocations_per_event: f64,
}

/// Runs the benchmark of the decoder.
pub(super) fn decode() -> Result<Decode> {
    let step = Step::start_after("Building the benchmark of the decoder", PATIENCE);
    process::quiet(benchmark().arg("--no-run"))?;
    step.done("done");
    let step = Step::start("Decoding on one core of this machine");
    let decode = parse(&process::quiet(&mut benchmark())?)?;
    step.done("done");
    Ok(decode)
}

fn benchmark() -> Command {
    let mut cargo = build::cargo();
    cargo.args(["bench", "--quiet", "--package", "sigtrace", "--bench", "decode"]);
    cargo
}

/// The result among what cargo passes on.
fn parse(output: &str) -> Result<Decode> {
    let line = output.lines().rev().find(|line| line.starts_with('{'));
    let line = line.context("the benchmark of the decoder printed no result")?;
    serde_json::from_str(line).with_context(|| format!("the benchmark's result: {line}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What this machine might say.
    pub(crate) fn sample() -> Decode {
        Decode { events_per_second: 1_234_567.0, ratio: 4.5, allocations_per_event: 0.0 }
    }

    #[test]
    fn the_result_is_the_last_object() {
        let output = "\nrunning\n{\"allocations_per_event\":0.0,\"bytes_per_event\":300,\
            \"events_per_second\":1000000.0,\"ratio\":4.5,\"value_events_per_second\":2.0}\n";
        let decode = parse(output).unwrap();
        assert_eq!((decode.ratio, decode.allocations_per_event), (4.5, 0.0));
        assert!(parse("error: no such bench\n").is_err());
    }
}
