//! The elements of an array map, mapped into our memory: looking at them costs no system call.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _},
    ptr::{NonNull, null_mut},
};

/// So many elements. Programs change them while we look.
#[derive(Debug)]
pub(super) struct Mapping<T> {
    base: NonNull<T>,
    number: usize,
}

// SAFETY: a mapping is no thread's in particular; what is done with its elements is unsafe, and the
// business of who does it.
unsafe impl<T> Send for Mapping<T> {}

impl<T> Mapping<T> {
    /// The first `number` elements of an array created with `BPF_F_MMAPABLE`, to be read and written. The
    /// kernel refuses more than there are.
    pub(super) fn new(map: impl AsFd, number: usize) -> io::Result<Self> {
        Self::with(map, number, libc::PROT_READ | libc::PROT_WRITE)
    }

    /// Likewise, to be read.
    pub(super) fn read_only(map: impl AsFd, number: usize) -> io::Result<Self> {
        Self::with(map, number, libc::PROT_READ)
    }

    fn with(map: impl AsFd, number: usize, access: libc::c_int) -> io::Result<Self> {
        let (size, fd) = (number * size_of::<T>(), map.as_fd().as_raw_fd());
        // SAFETY: a new mapping; the kernel checks the rest.
        let base = unsafe { libc::mmap(null_mut(), size, access, libc::MAP_SHARED, fd, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        match NonNull::new(base.cast()) {
            Some(base) => Ok(Self { base, number }),
            None => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// How many elements there are.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Where an element is.
    pub(super) fn element(&self, index: usize) -> NonNull<T> {
        assert!(index < self.number, "there are {} elements", self.number);
        // SAFETY: inside the mapping.
        unsafe { self.base.add(index) }
    }
}

impl<T> Drop for Mapping<T> {
    fn drop(&mut self) {
        // SAFETY: our mapping, which nothing refers to any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.number * size_of::<T>()) };
    }
}
