//! Building the workspace's programs for guests: static ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::arch::Arch;
use crate::cache::Cache;
use crate::interrupt;
use crate::process;
use crate::progress::Step;
use crate::setup::{self, toolchain};

/// The package of everything that runs in guests beside sigtrace.
const TESTS: &str = "sigtrace-tests";

/// The feature of the workspace that the test suites of guests need, and nothing else.
pub(crate) const HARNESS: &str = "sigtrace-tests/harness";

/// A build with nothing to do takes less than this, and need not be mentioned.
const PATIENCE: Duration = Duration::from_secs(2);

/// The programs of a package by name.
pub(crate) type Programs = BTreeMap<String, PathBuf>;

/// The root folder of the workspace.
pub(crate) fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// A cargo command of the stable tool chain in the workspace.
pub(crate) fn cargo() -> Command {
    let mut cargo = process::command("cargo");
    cargo.current_dir(workspace());
    cargo
}

/// Builds sigtrace; the path of the program.
pub(crate) fn sigtrace(cache: &Cache, arch: Arch, release: bool) -> Result<PathBuf> {
    setup::build_tools(cache)?;
    let name = "sigtrace";
    take(&mut programs(arch, arch.target(), &["--package", name, "--bin", name], release)?, name)
}

/// Builds some programs of the tests package.
pub(crate) fn guest_programs(arch: Arch, names: &[&str]) -> Result<Programs> {
    let mut what = vec!["--package", TESTS];
    what.extend(names.iter().flat_map(|name| ["--bin", name]));
    programs(arch, arch.target(), &what, false)
}

/// Takes a program out of those built.
pub(crate) fn take(programs: &mut Programs, name: &str) -> Result<PathBuf> {
    programs.remove(name).with_context(|| format!("the packages built have no program {name}"))
}

/// Builds all programs of the tests package.
pub(crate) fn test_programs(arch: Arch) -> Result<Programs> {
    let what = ["--package", TESTS, "--bins", "--features", HARNESS];
    programs(arch, arch.target(), &what, false)
}

/// Builds the workloads as a program of 32 bits.
pub(crate) fn workload_32(arch: Arch) -> Result<PathBuf> {
    let name = "workload";
    let what = ["--package", TESTS, "--bin", name];
    take(&mut programs(arch, arch.target_32(), &what, false)?, name)
}

/// Builds one program of the tests package, optimised, for measurements.
pub(crate) fn measuring_program(arch: Arch, name: &str) -> Result<PathBuf> {
    let what = ["--package", TESTS, "--bin", name];
    take(&mut programs(arch, arch.target(), &what, true)?, name)
}

/// Builds programs for one of the targets of `arch`.
fn programs(arch: Arch, target: &str, what: &[&str], release: bool) -> Result<Programs> {
    toolchain::ensure_targets(arch)?;
    let mut cargo = cargo();
    cargo.args(["build", "--target", target]).args(what);
    cargo.arg("--message-format=json-render-diagnostics");
    if release {
        cargo.arg("--release");
    }
    // Debug information makes a program ten times as large, and a guest boots with all of it.
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "false");
    cargo.env("CARGO_PROFILE_DEV_STRIP", "debuginfo");
    // Tests parse and validate every event, on an emulated machine: four times as fast with this.
    cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", "2");
    let step = Step::start_after(format!("Building {}", what[1]), PATIENCE);
    let output = process::capture(&mut cargo)?;
    if !output.status.success() {
        interrupt::check()?;
        // Not its standard output, which is for programs.
        bail!("{} failed:\n{}", process::show(&cargo), String::from_utf8_lossy(&output.stderr));
    }
    step.done("done");
    Ok(executables(&String::from_utf8_lossy(&output.stdout)))
}

/// The executables in cargo's messages, by the name of their target.
fn executables(messages: &str) -> Programs {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter_map(|message| {
            let path = message["executable"].as_str()?;
            Some((message["target"]["name"].as_str()?.to_owned(), path.into()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"lib"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"demo"},"executable":"/t/demo"}
{"reason":"build-finished","success":true}"#;
        let found = executables(messages);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("demo".into(), "/t/demo".into())]);
    }
}
