//! A batch job that is put to sleep and woken in all the ways there are.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::sys;

const NAP: Duration = Duration::from_millis(60);

/// Stops and continues a sleeping child, then waits for its signal without missing it.
pub(crate) fn run() -> Result<()> {
    suspend_and_continue()?;
    wait_without_a_race()?;
    ensure!(sys::has_alternate_stack(), "Rust's main thread has an alternate stack");
    Ok(())
}

/// A sleep that was stopped goes on by restart_syscall.
fn suspend_and_continue() -> Result<()> {
    let child = sys::fork(|| thread::sleep(3 * NAP))?;
    thread::sleep(NAP);
    sys::kill(child, libc::SIGSTOP)?;
    sys::wait(child, libc::WUNTRACED)?;
    sys::kill(child, libc::SIGCONT)?;
    Ok(sys::wait(child, 0)?)
}

/// Blocked until sigsuspend opens it, the signal cannot come between looking and waiting.
fn wait_without_a_race() -> Result<()> {
    let signal = libc::SIGUSR1;
    sys::handle(signal, libc::SA_RESTART | libc::SA_ONSTACK)?;
    sys::block(&sys::set(&[signal]))?;
    let parent = sys::pid();
    // Should the parent be gone there is nobody to wake.
    let child = sys::fork(|| _ = sys::kill(parent, signal))?;
    sys::suspend(&sys::set(&[]));
    Ok(sys::wait(child, 0)?)
}
