//! Writes the stubs: for every point that a row of the syscall table is probed at, programs for that
//! point only, for each mechanism that has such.

use std::{env, fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use sigtrace_common::{Abi, Hook, SYSCALLS, Syscall, point_number};

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let native = native()?;
    aya_build::emit_bpf_target_arch_cfg()?;
    let mut stubs = String::new();
    for (row, syscall) in SYSCALLS.iter().enumerate() {
        programs(&mut stubs, row, syscall, native)?;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set")?);
    fs::write(out.join("stubs.rs"), stubs).context("cannot write stubs.rs")
}

/// What says for which architecture's kernel the programs are: `--cfg bpf_target_arch="…"`, as sigtrace's build script
/// has it, and a variable of aya's, for who builds the programs alone.
const BY_CFG: &str = "CARGO_CFG_BPF_TARGET_ARCH";
const BY_VARIABLE: &str = "AYA_BPF_TARGET_ARCH";

/// The architecture of the kernel that is built for. Where nothing says it aya would take that of this machine,
/// silently, and where two things do they must say the same.
fn native() -> Result<Abi> {
    let [by_cfg, by_variable] = [BY_CFG, BY_VARIABLE].map(|name| env::var(name).ok());
    let arch = match (by_cfg, by_variable) {
        (Some(arch), Some(other)) if arch != other => bail!(
            "the programs are to be built for {arch}, but {BY_VARIABLE} is {other}: unset it, and build with \
             `cargo build --target` or `cargo xtask build --target {other}`"
        ),
        (Some(arch), _) | (None, Some(arch)) => arch,
        (None, None) => bail!(
            "nothing says for which architecture's kernel to build the programs: build sigtrace, with `cargo xtask \
             build` or `cargo build --package sigtrace`, or set {BY_VARIABLE} to x86_64 or aarch64"
        ),
    };
    match arch.as_str() {
        "x86_64" => Ok(Abi::X86_64),
        "aarch64" => Ok(Abi::Aarch64),
        other => bail!("there are programs for kernels of x86_64 and aarch64, none for {other}"),
    }
}

/// The programs for one point only.
fn programs(stubs: &mut String, row: usize, syscall: &'static Syscall, native: Abi) -> Result<()> {
    for point in syscall.points(native) {
        let number = point_number(row, point.abi);
        // How the stub's entry is called, and how many arguments the kernel function has.
        let (serves, enter, exit, args) = match (syscall.hook, point.symbol) {
            (Hook::Entry, _) => ("Call", "enter", "exit", 1),
            (Hook::Function(_), "signalfd_read") => ("Reads", "enter_read", "exit_read", 4),
            (Hook::Function(_), _) => ("Reads", "enter_read_iter", "exit_read", 2),
        };
        if syscall.has_own_session(point.abi, native) {
            writeln!(
                stubs,
                "#[unsafe(no_mangle)] #[unsafe(link_section = \"kprobe\")]\n\
                 pub extern \"C\" fn {point}_session(ctx: *mut c_void) -> u32 {{\n\
                     let enter = kprobe::{enter}::<{number}>;\n\
                     session::run(&ProbeContext::new(ctx), Serves::{serves}, enter, Some({number}))\n\
                 }}"
            )?;
        }
        writeln!(
            stubs,
            "#[kprobe] pub fn {point}_enter(ctx: ProbeContext) -> u32 {{ kprobe::{enter}::<{number}>(&ctx); 0 }}\n\
             #[kretprobe] pub fn {point}_exit(ctx: RetProbeContext) -> u32 {{ kprobe::{exit}::<{number}>(&ctx) }}\n\
             #[fentry] pub fn {point}_fentry(ctx: FEntryContext) -> u32 {{ fentry::{enter}::<{number}>(&ctx) }}\n\
             #[fexit] pub fn {point}_fexit(ctx: FExitContext) -> u32 {{ fentry::{exit}::<{number}, {args}>(&ctx) }}"
        )?;
    }
    Ok(())
}
