//! Descriptors in the runtime's poller.

use std::{io, os::fd::AsRawFd};

use tokio::io::{Interest, unix::AsyncFd};

/// Registers something that owns its descriptor. Needs a tokio runtime.
pub(crate) fn register<T: AsRawFd>(owner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: called with files, sockets and maps only: each owns one descriptor, opens it before
    // and closes it when dropped.
    Ok(unsafe { AsyncFd::register_with_interest(owner, interest) }?)
}
