//! A client that queues real-time signals with values to a server: none is merged with another.

use anyhow::{Result, ensure};

use crate::sys;

/// Queues three values; the server takes each.
pub(crate) fn run() -> Result<()> {
    let signal = libc::SIGRTMIN() + 3;
    let set = sys::set(&[signal]);
    // Before the server exists, so that nothing reaches it too early.
    sys::block(&set)?;
    let server = sys::fork(|| {
        for _ in 0..3 {
            sys::wait_for(&set, 900);
        }
    })?;
    for value in [42, 43, 44] {
        sys::queue(server, signal, value)?;
    }
    sys::wait(server, 0)?;
    ensure!(!sys::is_pending(signal), "a signal for the server arrived here");
    Ok(())
}
