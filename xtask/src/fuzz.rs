//! `cargo xtask fuzz`: random records through decoding and both formats, under libFuzzer and
//! AddressSanitizer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::arch::Arch;
use crate::build;
use crate::cli;
use crate::interrupt;
use crate::process;
use crate::progress::Step;
use crate::setup::{system, toolchain};

/// The target: its file in `sigtrace/fuzz/fuzz_targets`, and its program.
const TARGET: &str = "record";

/// The target of this machine's own programs.
fn host() -> Result<String> {
    Ok(format!("{}-unknown-linux-gnu", Arch::of_host()?))
}

/// What `cargo fuzz` passes to the compiler, so that libFuzzer sees which code an input reaches and
/// what it is compared with, and no access out of bounds goes unseen.
const FLAGS: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Zsanitizer=address",
    "--cfg",
    "fuzzing",
];

/// A byte of choices and the longest record that is of interest: a read from a signalfd with three
/// `struct signalfd_siginfo` and a part of a fourth.
const LONGEST_INPUT: &str = "-max_len=600";

/// Fuzzes for as long as asked, and says how far it came.
pub(crate) fn command(options: &cli::Fuzz) -> Result<ExitCode> {
    println!("{}", run(options.seconds)?);
    Ok(ExitCode::SUCCESS)
}

/// Builds the target and runs it for so many seconds. Returns what it reached; a finding is an
/// error with the path of the input.
pub(crate) fn run(seconds: u32) -> Result<String> {
    let program = target()?;
    // What earlier runs found worth keeping is where the next one starts.
    let [corpus, findings] = ["corpus", "findings"].map(|name| folder().join(name));
    for dir in [&corpus, &findings] {
        fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    }
    let mut fuzzer = process::command(process::text(&program)?);
    fuzzer.arg(format!("-max_total_time={seconds}")).arg(LONGEST_INPUT);
    fuzzer.args(["-len_control=0", "-timeout=10", "-print_final_stats=1"]);
    fuzzer.arg(format!("-artifact_prefix={}/", findings.display())).arg(&corpus);
    let step = Step::start(format!("Fuzzing records for {seconds} s"));
    let output = process::capture(&mut fuzzer)?;
    interrupt::check()?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let shown = process::tail(&log, 60);
        bail!("{} found something:\n{shown}\n{}", process::show(&fuzzer), again(&program, &log));
    }
    let summary = summary(&log).with_context(|| {
        format!("the fuzzer said nothing of its runs:\n{}", process::tail(&log, 20))
    })?;
    step.done(&summary);
    Ok(summary)
}

/// Builds the target; the path of the program.
fn target() -> Result<PathBuf> {
    toolchain::ensure_all()?;
    system::ensure(&[("c++", "g++")])?;
    let mut cargo = cargo();
    cargo
        .args(["build", "--locked", "--release", "--target", &host()?, "--target-dir"])
        .arg(folder());
    cargo.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    let step = Step::start("Building the fuzz target");
    process::quiet(&mut cargo)?;
    step.done("done");
    Ok(folder().join(host()?).join("release").join(TARGET))
}

/// The nightly cargo in the crate of the target, which is a workspace of its own.
fn cargo() -> Command {
    let mut cargo = toolchain::nightly("cargo");
    cargo.current_dir(build::workspace().join("sigtrace/fuzz"));
    cargo
}

/// Where the target is built, and where its inputs are kept.
fn folder() -> PathBuf {
    build::workspace().join("target/xtask/fuzz")
}

/// How to see a finding again.
fn again(program: &Path, log: &str) -> String {
    match log.lines().find_map(|line| line.split_once("Test unit written to ")) {
        Some((_, input)) => format!("Once more: {} {input}", program.display()),
        None => "It left no input behind.".into(),
    }
}

/// Executions and coverage, from libFuzzer's last words: `#62688 DONE cov: 2152 ft: 4802 corp: …`.
fn summary(log: &str) -> Option<String> {
    let done = log.lines().rfind(|line| line.contains("\tDONE "))?;
    let mut words = done.split_whitespace();
    let runs = words.next()?.strip_prefix('#')?;
    let covered = words.skip_while(|word| *word != "cov:").nth(1)?;
    let all = log.lines().find_map(|line| {
        let (_, rest) = line.split_once("PC tables (")?;
        rest.split_once(" PCs)").map(|(number, _)| number)
    })?;
    Some(format!("{runs} executions, {covered} of {all} edges covered, nothing found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "INFO: Loaded 1 PC tables (10683 PCs): 10683 [0x1,0x2), \n\
        #8192\tpulse  cov: 2059 ft: 4478 corp: 277/38Kb lim: 193 exec/s: 4096 rss: 178Mb\n\
        #62688\tDONE   cov: 2152 ft: 4802 corp: 393/52Kb lim: 193 exec/s: 3918 rss: 459Mb\n";

    #[test]
    fn the_last_words_tell_how_far_it_came() {
        assert_eq!(
            summary(LOG).as_deref(),
            Some("62688 executions, 2152 of 10683 edges covered, nothing found")
        );
        assert_eq!(summary("ERROR: no such corpus\n"), None);
    }

    #[test]
    fn a_finding_tells_how_to_see_it_again() {
        let log = "artifact_prefix='/f/'; Test unit written to /f/crash-12\nBase64: Kg==\n";
        assert_eq!(again(Path::new("/p/record"), log), "Once more: /p/record /f/crash-12");
    }
}
