//! The kernel side's counters, mapped into our memory.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
    ptr::{NonNull, null_mut},
    sync::atomic::{AtomicU64, Ordering},
};

use sigtrace_common::Counter;

/// Reading costs no system call, so the agent can look as often as it likes.
#[derive(Debug)]
pub struct Counters {
    base: NonNull<sigtrace_common::Counters>,
    processors: usize,
}

// SAFETY: a mapping, which is no thread's in particular; its words are only ever read atomically.
unsafe impl Send for Counters {}

impl Counters {
    /// Maps the array behind `map`, which has an element for each of `processors`.
    pub fn map(map: impl AsFd, processors: usize) -> io::Result<Self> {
        // SAFETY: a new mapping; the kernel checks the rest.
        let base = unsafe {
            libc::mmap(
                null_mut(),
                processors * size_of::<sigtrace_common::Counters>(),
                libc::PROT_READ,
                libc::MAP_SHARED,
                map.as_fd().as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        match NonNull::new(base.cast()) {
            Some(base) => Ok(Self { base, processors }),
            None => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// The sum of a counter over all processors, or the largest number if it is more than that.
    pub fn get(&self, counter: Counter) -> u64 {
        (0..self.processors)
            .map(|processor| {
                // SAFETY: inside the mapping, aligned, and only ever accessed atomically.
                unsafe {
                    let element = self.base.add(processor).cast::<u64>();
                    AtomicU64::from_ptr(element.add(counter as usize).as_ptr())
                        .load(Ordering::Relaxed)
                }
            })
            .fold(0, u64::saturating_add)
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        // SAFETY: our mapping, which nothing refers to any more.
        unsafe {
            libc::munmap(
                self.base.as_ptr().cast(),
                self.processors * size_of::<sigtrace_common::Counters>(),
            )
        };
    }
}
