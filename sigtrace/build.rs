//! Builds the eBPF programs, to be embedded in the agent.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::exit,
};

use anyhow::{Context as _, ensure};
use aya_build::{Package, Toolchain};
use object::build::elf;

fn main() {
    println!("cargo:rerun-if-env-changed=SIGTRACE_CACHE");
    println!("cargo:rerun-if-changed=../sigtrace-common/src");
    if let Err(error) = build() {
        eprintln!("error: the eBPF programs could not be built: {error:#}");
        eprintln!("note: `cargo xtask setup` installs the tool chain they need");
        exit(1);
    }
}

/// What says for which architecture's kernel aya builds programs, if it is asked to.
const PROGRAMS_ARCH: &str = "AYA_BPF_TARGET_ARCH";

/// The programs are for kernels of the architecture that the agent is for; whoever wants another one hears of it.
fn check_architecture() -> anyhow::Result<()> {
    println!("cargo:rerun-if-env-changed={PROGRAMS_ARCH}");
    let agent = env::var("CARGO_CFG_TARGET_ARCH").context("CARGO_CFG_TARGET_ARCH is not set")?;
    ensure!(
        ["x86_64", "aarch64"].contains(&agent.as_str()),
        "sigtrace runs on x86_64 and aarch64, and this build is for {agent}; name another target: `cargo xtask build \
         --target aarch64`"
    );
    let programs = env::var(PROGRAMS_ARCH).unwrap_or_else(|_| agent.clone());
    ensure!(
        programs == agent,
        "{PROGRAMS_ARCH} is {programs}, but this sigtrace is for {agent}: unset it, or build for {programs} with \
         `cargo xtask build --target {programs}`"
    );
    Ok(())
}

fn build() -> anyhow::Result<()> {
    check_architecture()?;
    // Progress of the inner build would come out as warnings of this one.
    // SAFETY: this program has one thread.
    unsafe { env::set_var("CARGO_TERM_QUIET", "true") };
    if let Some(path) = path_with_bpf_linker() {
        // SAFETY: this program has one thread.
        unsafe { env::set_var("PATH", path) };
    }
    let root_dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../sigtrace-ebpf");
    let package = Package { name: "sigtrace-ebpf", root_dir, ..Package::default() };
    aya_build::build_ebpf([package], Toolchain::default())?;
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set")?);
    strip(&out.join("sigtrace-ebpf"), &out.join("sigtrace-ebpf.stripped"))
}

/// Leaves out what only tells of the object's own types and lines: most of it, which nothing needs
/// and which the agent would have to parse at each start.
fn strip(from: &Path, to: &Path) -> anyhow::Result<()> {
    let object = fs::read(from).with_context(|| from.display().to_string())?;
    let mut object = elf::Builder::read(&*object).context("cannot parse the eBPF object")?;
    for section in &mut object.sections {
        let name = section.name.to_string();
        let name = name.strip_prefix(".rel").unwrap_or(&name);
        section.delete = name.starts_with(".debug_") || name.starts_with(".BTF");
    }
    // LLVM keeps the names of sections among the others; the builder wants them apart.
    let names = object.sections.add();
    names.name = ".shstrtab".into();
    names.sh_type = object::elf::SHT_STRTAB;
    names.data = elf::SectionData::SectionString;
    let mut stripped = Vec::new();
    object.write(&mut stripped).context("cannot write the eBPF object")?;
    fs::write(to, stripped).with_context(|| to.display().to_string())
}

/// `cargo xtask setup` puts bpf-linker into its cache.
fn path_with_bpf_linker() -> Option<OsString> {
    let cache = env::var_os("SIGTRACE_CACHE").map(PathBuf::from).or_else(|| {
        let base = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
        Some(base.join("sigtrace"))
    })?;
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([cache.join("bin")].into_iter().chain(env::split_paths(&path))).ok()
}
