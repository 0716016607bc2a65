//! Writes the stubs: for every point that a row of the syscall table is probed at, programs for that
//! point only, for each mechanism that has such.

use std::{env, fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, Result};
use sigtrace_common::{Abi, Hook, SYSCALLS, Syscall, point_number};

fn main() -> Result<()> {
    aya_build::emit_bpf_target_arch_cfg()?;
    println!("cargo:rerun-if-changed=build.rs");

    let native = native()?;
    let mut stubs = String::new();
    for (row, syscall) in SYSCALLS.iter().enumerate() {
        programs(&mut stubs, row, syscall, native)?;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set")?);
    fs::write(out.join("stubs.rs"), stubs).context("cannot write stubs.rs")
}

/// The architecture of the kernel that is built for, which `emit_bpf_target_arch_cfg` found, too.
fn native() -> Result<Abi> {
    let arch = env::var("AYA_BPF_TARGET_ARCH").or_else(|_| env::var("CARGO_CFG_BPF_TARGET_ARCH"));
    match arch.as_deref() {
        Ok("x86_64") => Ok(Abi::X86_64),
        Ok("aarch64") => Ok(Abi::Aarch64),
        other => anyhow::bail!("no kernel architecture to build for: {other:?}"),
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
