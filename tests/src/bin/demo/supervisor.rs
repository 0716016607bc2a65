//! A supervisor that holds its service by a pidfd, which cannot come to mean another process.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::sys;

/// Starts a service that waits for signals, pokes it and ends it.
pub(crate) fn run() -> Result<()> {
    sys::handle(libc::SIGUSR2, 0)?;
    let service = sys::fork(|| {
        loop {
            sys::pause();
        }
    })?;
    let pidfd = sys::pidfd_open(service)?;
    // Time to get to its pause; if it does not, only the events come in another order.
    thread::sleep(Duration::from_millis(30));
    for signal in [libc::SIGUSR2, 0, libc::SIGTERM] {
        sys::pidfd_send(&pidfd, signal)?;
    }
    sys::wait(service, 0)?;
    Ok(())
}
