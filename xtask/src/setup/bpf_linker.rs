//! bpf-linker, which must read the bitcode that the nightly compiler writes.
//!
//! The one to use is at `bin/bpf-linker` in the cache; sigtrace's build script looks there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::toolchain::{self, Nightly};
use crate::cache::Cache;
use crate::process;
use crate::progress::Step;

const VERSION: &str = "0.13.0";
/// The LLVM versions that release of bpf-linker can be built for.
const LLVM_VERSIONS: std::ops::RangeInclusive<u32> = 21..=23;

/// The folder in the cache that holds the bpf-linker to use; to be put on the PATH of builds.
pub(crate) const BIN: &str = "bin";

/// Provides a bpf-linker that fits `nightly`: the user's own if it works, else one built here.
pub(crate) fn ensure(cache: &Cache, nightly: &Nightly) -> Result<()> {
    let made_for = format!("{VERSION} {}\n", nightly.commit);
    let is_current = |bin: &Path| bin.join("bpf-linker").exists();
    if cache.get(BIN, &made_for).is_some_and(|bin| is_current(&bin)) {
        return Ok(());
    }
    let _lock = cache.lock()?;
    let linker = match users_own(cache, nightly)? {
        Some(own) => {
            eprintln!("Using {}: it can link what this nightly compiles", own.display());
            own
        }
        None => build(cache, nightly)?,
    };
    // An entry whose link leads nowhere any more has the right recipe all the same.
    if let Some(bin) = cache.get(BIN, &made_for) {
        fs::remove_dir_all(bin)?;
    }
    cache.entry(BIN, &made_for, |dir| Ok(symlink(&linker, dir.join("bpf-linker"))?))?;
    Ok(())
}

/// A bpf-linker on the PATH that passes the test, if there is one.
fn users_own(cache: &Cache, nightly: &Nightly) -> Result<Option<PathBuf>> {
    let ours = cache.path("");
    for found in which::which_all("bpf-linker").into_iter().flatten() {
        if found.starts_with(&ours) {
            continue;
        }
        match try_out(&found) {
            Ok(()) => return Ok(Some(found)),
            Err(error) => eprintln!(
                "Not using {}: it fails on what this nightly (LLVM {}) compiles: {}",
                found.display(),
                nightly.llvm,
                error.to_string().lines().last().unwrap_or_default()
            ),
        }
    }
    Ok(None)
}

/// Links bitcode that the nightly has just written: the only check that says whether both fit, as
/// bpf-linker does not tell its LLVM version.
fn try_out(linker: &Path) -> Result<()> {
    let dir = tempfile::tempdir().context("creating a folder for a trial")?;
    let at = |name: &str| dir.path().join(name);
    let source = "#![no_std] #[unsafe(no_mangle)] pub extern \"C\" fn trial() -> u64 { 7 }";
    fs::write(at("trial.rs"), source)?;
    let mut compile = toolchain::nightly("rustc");
    compile.args(["--edition=2024", "--crate-type=lib", "--emit=llvm-bc", "-Cpanic=abort", "-o"]);
    process::quiet(compile.arg(at("trial.bc")).arg(at("trial.rs")))?;
    let mut link = process::command(process::text(linker)?);
    link.args(["--target=bpfel", "--export=trial", "--output"]).arg(at("trial.o"));
    process::quiet(link.arg(at("trial.bc")))?;
    ensure!(at("trial.o").exists(), "it wrote nothing");
    Ok(())
}

/// Builds bpf-linker against the nightly's own LLVM library, so that no other LLVM is needed.
fn build(cache: &Cache, nightly: &Nightly) -> Result<PathBuf> {
    ensure!(
        LLVM_VERSIONS.contains(&nightly.llvm),
        "nightly's LLVM is {}, and bpf-linker {VERSION} knows {LLVM_VERSIONS:?}; \
         put a bpf-linker for it on the PATH",
        nightly.llvm
    );
    let name = format!("bpf-linker-{}-{:.9}", nightly.llvm, nightly.commit);
    // The program finds LLVM by the path it was linked with, so that part cannot be moved.
    let llvm = cache.path(&format!("{name}-llvm"));
    link_llvm(nightly, &llvm.join("lib"))?;
    let dir = cache.entry(&name, &format!("{VERSION}\n"), |dir| {
        let step = Step::start(format!(
            "Building bpf-linker {VERSION} for LLVM {}, about a minute",
            nightly.llvm
        ));
        let feature = format!("llvm-{}", nightly.llvm);
        let mut install = process::command("cargo");
        install.args(["install", "bpf-linker", "--version", VERSION, "--locked", "--root"]);
        install.arg(dir).args(["--no-default-features", "--features", &feature]);
        process::quiet(install.env("LLVM_PREFIX", &llvm))?;
        step.done("done");
        Ok(())
    })?;
    let linker = dir.join("bin/bpf-linker");
    try_out(&linker).context("the bpf-linker just built does not work")?;
    Ok(linker)
}

/// Lays out the nightly's LLVM library as an LLVM installation.
fn link_llvm(nightly: &Nightly, lib: &Path) -> Result<()> {
    let prefix = format!("libLLVM.so.{}", nightly.llvm);
    let of_nightly = nightly.sysroot.join("lib");
    let library = fs::read_dir(&of_nightly)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&prefix)))
        .with_context(|| format!("no {prefix}* in {}", of_nightly.display()))?;
    fs::create_dir_all(lib)?;
    let own_name = library.file_name().unwrap_or_default().to_owned();
    for name in ["libLLVM.so".into(), own_name] {
        let link = lib.join(name);
        // Left over from an attempt that was interrupted.
        if link.symlink_metadata().is_ok() {
            fs::remove_file(&link)?;
        }
        symlink(&library, link)?;
    }
    Ok(())
}
