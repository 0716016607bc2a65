//! The Rust tool chains: stable for user space, nightly for the eBPF crate.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::system;
use crate::arch::Arch;
use crate::process;
use crate::progress::Step;

/// What is to be known of the installed nightly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nightly {
    /// The commit it was built from: its identity.
    pub(crate) commit: String,
    /// The major version of its LLVM, which writes the bitcode that bpf-linker reads.
    pub(crate) llvm: u32,
    /// Its folder.
    pub(crate) sysroot: PathBuf,
}

/// Installs what is missing of both tool chains.
pub(crate) fn ensure_all() -> Result<Nightly> {
    ensure!(
        which::which("rustup").is_ok(),
        "no rustup here, and the eBPF crate needs the nightly tool chain beside the stable one; \
         please install it, with your distribution's package for example:\n\n    \
         sudo apt-get install rustup\n"
    );
    ensure_stable()?;
    ensure_nightly()
}

/// A command of the nightly tool chain.
pub(crate) fn nightly(program: &str) -> Command {
    let mut command = process::command("rustup");
    command.args(["run", "nightly", program]);
    command
}

/// Installs what programs of guests of `arch` are built with.
pub(crate) fn ensure_targets(arch: Arch) -> Result<()> {
    for (what, target) in [
        (format!("Adding static linking for {arch} (musl)"), arch.target()),
        (format!("Adding 32-bit programs for {arch}"), arch.target_32()),
    ] {
        if !rustc(&["--print", "target-libdir", "--target", target])?.exists() {
            rustup(&what, &["target", "add", target])?;
        }
    }
    system::ensure(arch.linker_32())
}

/// The path that the stable rustc prints.
fn rustc(args: &[&str]) -> Result<PathBuf> {
    let printed = process::quiet(process::command("rustc").args(args))?;
    Ok(printed.trim().into())
}

fn ensure_stable() -> Result<()> {
    let bin = rustc(&["--print", "sysroot"])?.join("bin");
    for (component, program) in [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")] {
        if !bin.join(program).exists() {
            rustup(&format!("Adding {component}"), &["component", "add", component])?;
        }
    }
    Ok(())
}

fn ensure_nightly() -> Result<Nightly> {
    if !process::succeeds(nightly("rustc").arg("-V")) {
        let install = ["toolchain", "install", "nightly", "--profile", "minimal"];
        rustup("Installing the nightly tool chain", &install)?;
    }
    let nightly = probe()?;
    let source = nightly.sysroot.join("lib/rustlib/src/rust/library/core");
    let clippy = nightly.sysroot.join("bin/cargo-clippy");
    for (component, path) in [("rust-src", source), ("clippy", clippy)] {
        if !path.exists() {
            let add = ["component", "add", component, "--toolchain", "nightly"];
            rustup(&format!("Adding {component} to nightly"), &add)?;
        }
    }
    Ok(nightly)
}

fn probe() -> Result<Nightly> {
    let version = process::quiet(nightly("rustc").arg("-vV"))?;
    let sysroot = process::quiet(nightly("rustc").args(["--print", "sysroot"]))?;
    let (commit, llvm) = parse_version(&version)
        .with_context(|| format!("cannot find the nightly's LLVM version in:\n{version}"))?;
    Ok(Nightly { commit, llvm, sysroot: sysroot.trim().into() })
}

/// Commit and LLVM major version from `rustc -vV`.
fn parse_version(text: &str) -> Option<(String, u32)> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let llvm = field("LLVM version: ")?.split('.').next()?.parse().ok()?;
    Some((field("commit-hash: ")?.into(), llvm))
}

fn rustup(what: &str, args: &[&str]) -> Result<()> {
    let step = Step::start(what);
    process::quiet(process::command("rustup").args(args)).with_context(|| {
        format!(
            "rustup could not; please see to it that this works:\n    rustup {}",
            args.join(" ")
        )
    })?;
    step.done("done");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nightly_is_its_commit_and_llvm() {
        let text = "rustc 1.97.0-nightly (e50aa6fba 2026-05-19)\nbinary: rustc\n\
                    commit-hash: e50aa6fba4e6\nhost: x86_64-unknown-linux-gnu\n\
                    LLVM version: 22.1.4\n";
        assert_eq!(parse_version(text), Some(("e50aa6fba4e6".into(), 22)));
        assert_eq!(parse_version("rustc 1.97.0"), None);
    }
}
