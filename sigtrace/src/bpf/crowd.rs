//! The map `CROWD`, mapped into our memory: calls that programs merged, or counted as lost by whose they
//! were ([`sigtrace_common::crowd`]).

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    ptr::{NonNull, null_mut},
};

use anyhow::{Context as _, Result};
use sigtrace_common::crowd::{ENTRIES, Entry};

use super::sys;

/// Looking at it costs no system call: while one looks into a map, the kernel skips programs on its
/// processor, and who is preempted there makes it skip many.
#[derive(Debug)]
pub struct Crowd {
    base: NonNull<Entry>,
}

// SAFETY: a mapping, which is no thread's in particular; its members are accessed as volatile.
unsafe impl Send for Crowd {}

/// Bytes of the mapping.
const SIZE: usize = 2 * ENTRIES * size_of::<Entry>();

impl Crowd {
    /// Maps the array behind `map`.
    pub fn map(map: impl AsFd) -> io::Result<Self> {
        // SAFETY: a new mapping; the kernel checks the rest.
        let base = unsafe {
            libc::mmap(
                null_mut(),
                SIZE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.as_fd().as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { base })
    }

    /// The merged calls of a generation.
    pub fn merged(&self, generation: u32) -> impl Iterator<Item = Entry> {
        (0..ENTRIES).map(move |index| self.entry(generation, index)).filter(|entry| entry.count > 0)
    }

    /// The lost ones of a generation, each with its index.
    pub fn lost(&self, generation: u32) -> impl Iterator<Item = (usize, Entry)> {
        (0..ENTRIES)
            .map(move |index| (index, self.entry(generation, index)))
            .filter(|(_, entry)| entry.lost > 0)
    }

    /// Makes room in a generation that no program uses any more.
    pub fn clear(&mut self, generation: u32) {
        // SAFETY: inside the mapping; nobody else accesses it.
        unsafe { self.place(generation, 0).write_bytes(0, ENTRIES) };
    }

    fn entry(&self, generation: u32, index: usize) -> Entry {
        // SAFETY: inside the mapping, and integers only; volatile, as programs change them. What they have
        // counted has been written before.
        unsafe { self.place(generation, index).read_volatile() }
    }

    fn place(&self, generation: u32, index: usize) -> NonNull<Entry> {
        let first = (generation & 1) as usize * ENTRIES;
        // SAFETY: inside the mapping, as the index is less than `ENTRIES`.
        unsafe { self.base.add(first + index) }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // SAFETY: our mapping, which nothing refers to any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), SIZE) };
    }
}

/// Waits for programs to end, on behalf of whoever told them to do something else.
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
