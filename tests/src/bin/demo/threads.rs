//! A pool of threads, each woken by a signal of its own.

use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result};

use crate::sys;

/// Wakes each of three workers in another way.
pub(crate) fn run() -> Result<()> {
    let signal = libc::SIGRTMIN() + 1;
    let set = sys::set(&[signal]);
    // Workers inherit the mask, so that the signal waits for them to take it.
    sys::block(&set)?;
    let (ready, tids) = mpsc::channel();
    let work = || {
        let ready = ready.clone();
        thread::spawn(move || {
            let _ = ready.send(sys::tid());
            sys::wait_for(&set, 900);
        })
    };
    let workers = [work(), work(), work()];
    let next = || tids.recv().context("a worker did not start");
    let pid = sys::pid();
    sys::tgkill(pid, next()?, signal)?;
    sys::tkill(next()?, signal)?;
    sys::queue_to_thread(pid, next()?, signal, 7)?;
    for worker in workers {
        worker.join().ok().context("a worker panicked")?;
    }
    Ok(())
}
