//! Ctrl-C, counted: the first asks for a clean end, the second insists.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// What a shell reports for a program that SIGINT ended.
pub(crate) const EXIT_CODE: u8 = 130;

/// From here on SIGINT, SIGTERM and SIGHUP are counted instead of ending xtask at once.
///
/// Child processes of the same terminal get their own SIGINT, so a build in progress still stops.
/// Cargo, which started us, does not pass on a signal it gets; but its end reaches us as SIGTERM.
pub(crate) fn install() -> Result<()> {
    // SAFETY: plain system call.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) };
    ctrlc::set_handler(|| {
        COUNT.fetch_add(1, Ordering::Relaxed);
    })
    .context("installing the Ctrl-C handler")
}

/// How often the user has asked us to stop.
pub(crate) fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// An error when the user has asked us to stop: for the steps between two child processes.
pub(crate) fn check() -> Result<()> {
    anyhow::ensure!(count() == 0, "interrupted");
    Ok(())
}
