//! Writes the probe stubs: for every row of the syscall table an entry and a return program.

use std::{env, fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, Result};
use sigtrace_common::SYSCALLS;

fn main() -> Result<()> {
    aya_build::emit_bpf_target_arch_cfg()?;
    println!("cargo:rerun-if-changed=build.rs");

    let mut stubs = String::new();
    for (row, syscall) in SYSCALLS.iter().enumerate() {
        let name = syscall.name;
        write!(
            stubs,
            "#[kprobe] pub fn {name}_enter(ctx: ProbeContext) -> u32 {{ kprobe::enter::<{row}>(&ctx) }}\n\
             #[kretprobe] pub fn {name}_exit(ctx: RetProbeContext) -> u32 {{ kprobe::exit::<{row}>(&ctx) }}\n"
        )?;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set")?);
    fs::write(out.join("stubs.rs"), stubs).context("cannot write stubs.rs")
}
