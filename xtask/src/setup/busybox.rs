//! The static busybox that is a guest's userland.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::apt::Suite;
use crate::arch::Arch;
use crate::cache::Cache;
use crate::progress::Step;

/// Fetches busybox unless it is cached; the path of the program.
pub(crate) fn ensure(cache: &Cache, arch: Arch) -> Result<PathBuf> {
    let (recipe, package) = ("trixie\n", "busybox-static");
    let name = &format!("busybox/{arch}");
    let dir = match cache.get(name, recipe) {
        Some(dir) => dir,
        None => {
            let _lock = cache.lock()?;
            cache.entry(name, recipe, |dir| {
                let step = Step::start(format!("Fetching busybox for guests of {arch}"));
                let unpacked = cache.scratch()?;
                Suite::open(cache, "trixie", arch)?.unpack(&[package.into()], unpacked.path())?;
                let places = ["usr/bin/busybox", "bin/busybox"];
                let program = places.iter().map(|p| unpacked.path().join(p)).find(|p| p.exists());
                let program = program.with_context(|| format!("{package} has no busybox"))?;
                fs::copy(program, dir.join("busybox"))?;
                step.done("done");
                Ok(())
            })?
        }
    };
    Ok(dir.join("busybox"))
}
