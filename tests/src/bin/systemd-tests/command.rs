//! Running the tools of the guest.

use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};

/// Runs a command line of words to its end, whatever that is.
pub(crate) fn run(line: &str) -> Result<Output> {
    let mut words = line.split_whitespace();
    let program = words.next().context("an empty command")?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null());
    command.output().with_context(|| format!("cannot run {line}"))
}

/// Runs a shell's command line; its output, if it succeeds.
pub(crate) fn shell(script: &str) -> Result<String> {
    let output = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).output();
    text(script, &output.context("cannot run sh")?)
}

/// Runs a command line of words; its output, if it succeeds.
pub(crate) fn output(line: &str) -> Result<String> {
    text(line, &run(line)?)
}

fn text(line: &str, output: &Output) -> Result<String> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}: {stdout}{stderr}", output.status);
    }
    Ok(stdout.into_owned())
}
