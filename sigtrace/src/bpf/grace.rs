//! Waiting for programs to end that were told to do something else.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};

use super::sys;

/// What waits.
///
/// Programs run in read-side critical sections of RCU, and updating a map of maps waits for a grace
/// period (`maybe_wait_bpf_programs`, `kernel/bpf/syscall.c`); membarrier(2) would, too, but not
/// on a kernel with processors in `nohz_full`.
#[derive(Debug)]
pub struct Grace {
    /// A map of maps, to be updated, and what it is updated with.
    outer: OwnedFd,
    inner: OwnedFd,
}

impl Grace {
    pub(super) fn new() -> io::Result<Self> {
        let (outer, inner) = sys::array_of_arrays()?;
        Ok(Self { outer, inner })
    }

    /// Another one, to wait with elsewhere.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { outer: self.outer.try_clone()?, inner: self.inner.try_clone()? })
    }

    /// Waits until the programs have ended that are running now.
    pub fn wait(&self) -> Result<()> {
        sys::replace_inner(self.outer.as_fd(), self.inner.as_fd())
            .context("cannot wait for the programs")
    }
}
