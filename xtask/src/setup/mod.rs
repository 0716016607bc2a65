//! Installing and caching what building and testing need. Everything is looked for first: a second
//! run downloads and builds nothing.

pub(crate) mod apt;
pub(crate) mod bpf_linker;
pub(crate) mod busybox;
pub(crate) mod image;
pub(crate) mod kernel;
pub(crate) mod system;
pub(crate) mod toolchain;

use std::path::PathBuf;

use anyhow::Result;

use crate::cache::Cache;
use kernel::{Kernel, Version};

/// What a build needs.
pub(crate) fn build_tools(cache: &Cache) -> Result<()> {
    let nightly = toolchain::ensure_all()?;
    bpf_linker::ensure(cache, &nightly)
}

/// What it takes to boot a guest.
pub(crate) struct Machine {
    /// The kernel to boot.
    pub(crate) kernel: Kernel,
    /// The static busybox for its userland.
    pub(crate) busybox: PathBuf,
}

/// Provides QEMU, busybox and a kernel.
pub(crate) fn machine(cache: &Cache, version: &Version) -> Result<Machine> {
    system::ensure(&[("qemu-system-x86_64", "qemu-system-x86")])?;
    Ok(Machine { busybox: busybox::ensure(cache)?, kernel: kernel::ensure(cache, version)? })
}

/// `cargo xtask setup`: everything that `run` and `test` need.
pub(crate) fn all(cache: &Cache) -> Result<()> {
    build_tools(cache)?;
    for version in kernel::TESTED {
        let machine = machine(cache, &version.parse()?)?;
        eprintln!("Kernel {version}: {}", machine.kernel.release);
    }
    eprintln!("All set up, in {}", cache.path("").display());
    Ok(())
}
