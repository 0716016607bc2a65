//! The checks and tests that need no guest.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::count::{self, Tally};
use super::report::Outcome;
use crate::build;
use crate::cache::Cache;
use crate::fuzz;
use crate::interrupt;
use crate::process;
use crate::progress::Step;
use crate::setup::{bpf_linker, toolchain};

const EBPF: &str = "sigtrace-ebpf";
const EBPF_TARGET: &str = "bpfel-unknown-none";

/// How long to fuzz: enough to reach every decoder, from nothing.
const FUZZ_SECONDS: u32 = 15;

/// The checks: each a name and a command whose success is the result.
pub(super) fn checks(cache: &Cache) -> Result<Vec<(&'static str, Command)>> {
    let mut format = build::cargo();
    format.args(["fmt", "--all", "--check", "--", "--color", "never"]);
    let mut format_fuzz = build::cargo();
    format_fuzz.args(["fmt", "--manifest-path", "sigtrace/fuzz/Cargo.toml", "--check"]);
    format_fuzz.args(["--", "--color", "never"]);
    let mut clippy = build::cargo();
    clippy.args(["clippy", "--quiet", "--workspace", "--exclude", EBPF, "--all-targets"]);
    clippy.args(["--features", build::HARNESS]);
    clippy.args(["--", "-D", "warnings"]);
    let mut clippy_ebpf = ebpf(cache, "clippy", "x86_64", &[EBPF])?;
    clippy_ebpf.args(["--", "-D", "warnings"]);
    let aarch64 = ebpf(cache, "check", "aarch64", &[EBPF, "sigtrace-common"])?;
    Ok(vec![
        ("format", format),
        ("format, fuzz target", format_fuzz),
        ("clippy", clippy),
        ("clippy, eBPF", clippy_ebpf),
        ("check, eBPF for aarch64", aarch64),
    ])
}

/// The programs for no architecture that anybody named, and for two at once: what cargo is not to do, and what it has to
/// say then.
pub(super) fn refusals(cache: &Cache) -> Result<Vec<(&'static str, Command, &'static str)>> {
    let unnamed = {
        let mut cargo = ebpf(cache, "check", "x86_64", &[EBPF])?;
        cargo.env_remove("AYA_BPF_TARGET_ARCH").env_remove("CARGO_ENCODED_RUSTFLAGS");
        cargo
    };
    let mut two = ebpf(cache, "check", "x86_64", &[EBPF])?;
    two.env("AYA_BPF_TARGET_ARCH", "aarch64");
    Ok(vec![
        (
            "eBPF for no architecture is refused",
            unnamed,
            "nothing says for which architecture's kernel to build the programs",
        ),
        (
            "eBPF for two architectures is refused",
            two,
            "the programs are to be built for x86_64, but AYA_BPF_TARGET_ARCH is aarch64",
        ),
    ])
}

/// Runs what has to fail and to say so; it counts as one test.
pub(super) fn refusal(name: &str, command: &mut Command, said: &str) -> Result<Outcome> {
    let (step, start) = (Step::start(name), Instant::now());
    let output = process::capture(command)?;
    interrupt::check()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let is_refused = !output.status.success() && stderr.contains(said);
    step.done(if is_refused { "ok" } else { "FAILED" });
    let details = if is_refused {
        String::new()
    } else {
        format!("it was to fail and say \"{said}\"; {}:\n{stderr}", output.status)
    };
    let (tally, took) = (Tally::one(is_refused), start.elapsed());
    Ok(Outcome { suite: name.into(), tally, took, details })
}

/// A cargo command on eBPF crates for kernels of `arch`.
fn ebpf(cache: &Cache, subcommand: &str, arch: &str, packages: &[&str]) -> Result<Command> {
    let mut cargo = toolchain::nightly("cargo");
    cargo.args([subcommand, "--quiet", "--release", "--target", EBPF_TARGET, "-Zbuild-std=core"]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    // A folder for each, or they would rebuild each other's dependencies.
    let target = build::workspace().join("target/xtask/ebpf").join(arch);
    cargo.arg("--target-dir").arg(target).current_dir(build::workspace());
    // Unset, aya would take this machine's architecture and its register offsets.
    cargo.env("AYA_BPF_TARGET_ARCH", arch);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", format!("--cfg=bpf_target_arch=\"{arch}\""));
    cargo.env("PATH", path_with_linker(cache)?);
    Ok(cargo)
}

/// The search path with our bpf-linker first.
fn path_with_linker(cache: &Cache) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(cache.path(bpf_linker::BIN)).chain(std::env::split_paths(&path));
    std::env::join_paths(dirs).context("the cache's path contains a colon")
}

/// Runs a check; it counts as one test.
pub(super) fn check(name: &str, command: &mut Command) -> Result<Outcome> {
    let (step, start) = (Step::start(name), Instant::now());
    let result = process::quiet(command);
    interrupt::check()?;
    step.done(if result.is_ok() { "ok" } else { "FAILED" });
    Ok(Outcome {
        suite: name.into(),
        tally: Tally::one(result.is_ok()),
        took: start.elapsed(),
        details: result.err().map(|error| format!("{error:#}")).unwrap_or_default(),
    })
}

/// Runs the unit and property tests of everything but the eBPF crate.
pub(super) fn unit_tests(filter: Option<&str>) -> Result<Outcome> {
    let (step, start) = (Step::start("unit tests"), Instant::now());
    let mut cargo = build::cargo();
    cargo.args(["test", "--workspace", "--exclude", EBPF, "--features", build::HARNESS]);
    cargo.args(["--no-fail-fast", "--"]).args(filter);
    let output = process::capture(&mut cargo)?;
    interrupt::check()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    fs::write(log("unit tests")?, format!("{stderr}\n{stdout}"))?;
    let mut tally = count::results(&stdout);
    let mut details = String::new();
    if output.status.success() && tally.total() == 0 && filter.is_none() {
        "they ran no test".clone_into(&mut details);
        tally.failed = 1;
    }
    if !output.status.success() {
        let failures = count::failures(&stdout).unwrap_or_default();
        details = format!("{}\n{failures}", process::tail(&stderr, 60));
        if tally.failed == 0 {
            // It did not come to the tests, or a program died in them.
            tally.failed = 1;
        }
    }
    step.done(&format!("{} passed, {} failed", tally.passed, tally.failed));
    Ok(Outcome { suite: "unit tests".into(), tally, took: start.elapsed(), details })
}

/// Fuzzes for a short time; it counts as one test.
pub(super) fn fuzz() -> Result<Outcome> {
    let start = Instant::now();
    let result = fuzz::run(FUZZ_SECONDS);
    interrupt::check()?;
    Ok(Outcome {
        suite: "fuzz".into(),
        tally: Tally::one(result.is_ok()),
        took: start.elapsed(),
        details: result.err().map(|error| format!("{error:#}")).unwrap_or_default(),
    })
}

/// Where a suite's whole output goes.
pub(super) fn log(suite: &str) -> Result<PathBuf> {
    let dir = build::workspace().join("target/xtask/logs");
    fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    // What a kernel is told can have slashes.
    Ok(dir.join(format!("{}.log", suite.replace([' ', '/'], "-"))))
}
