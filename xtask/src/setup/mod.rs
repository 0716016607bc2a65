//! Installing and caching what building and testing need. Everything is looked for first: a second
//! run downloads and builds nothing.

pub(crate) mod apt;
pub(crate) mod bpf_linker;
pub(crate) mod busybox;
pub(crate) mod kernel;
pub(crate) mod system;
pub(crate) mod toolchain;

use std::path::PathBuf;

use anyhow::Result;

use crate::arch::Arch;
use crate::cache::Cache;
use kernel::{Kernel, Version};

/// What a build needs.
pub(crate) fn build_tools(cache: &Cache) -> Result<()> {
    let nightly = toolchain::ensure_all()?;
    bpf_linker::ensure(cache, &nightly)
}

/// What it takes to boot a guest.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// What it is.
    pub(crate) arch: Arch,
    /// The kernel to boot.
    pub(crate) kernel: Kernel,
    /// The static busybox for its userland.
    pub(crate) busybox: PathBuf,
}

/// Provides QEMU, busybox and a kernel.
pub(crate) fn machine(cache: &Cache, arch: Arch, version: &Version) -> Result<Machine> {
    system::ensure(&[arch.qemu()])?;
    let busybox = busybox::ensure(cache, arch)?;
    Ok(Machine { arch, busybox, kernel: kernel::ensure(cache, arch, version)? })
}

/// `cargo xtask setup`: everything that `build` needs, and that booting these kernels does.
pub(crate) fn all(cache: &Cache, kernels: &[(Arch, Version)]) -> Result<()> {
    build_tools(cache)?;
    for (arch, version) in kernels {
        toolchain::ensure_targets(*arch)?;
        let machine = machine(cache, *arch, version)?;
        eprintln!("Kernel {version} for {arch}: {}", machine.kernel.release);
    }
    eprintln!("All set up, in {}", cache.path("").display());
    Ok(())
}
