//! Processes that get signals, and threads that send them.

use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, ensure};

/// Sends a signal.
pub(crate) fn kill(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: kill touches no memory.
    let result = unsafe { libc::kill(pid, signal) };
    ensure!(result == 0, "kill({pid}, {signal}): {}", std::io::Error::last_os_error());
    Ok(())
}

/// A process that does nothing until it is killed.
#[derive(Debug)]
pub(crate) struct Sleeper(Child);

impl Sleeper {
    /// Starts one.
    pub(crate) fn start() -> Result<Self> {
        let child = Command::new("sleep").arg("infinity").spawn();
        Ok(Self(child.context("cannot run sleep")?))
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        self.0.id() as i32
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// More signals than anybody can follow, as long as it lives.
#[derive(Debug)]
pub(crate) struct Storm {
    over: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
    _target: Sleeper,
}

impl Storm {
    /// Breaks loose.
    pub(crate) fn start() -> Result<Self> {
        let target = Sleeper::start()?;
        let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let pid = target.pid();
        let threads = (0..2).map(|_| {
            let (over, sent) = (Arc::clone(&over), Arc::clone(&sent));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) && kill(pid, libc::SIGCONT).is_ok() {
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let threads = threads.collect();
        Ok(Self { over, sent, threads, _target: target })
    }

    /// Signals sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A process that is stopped, as by Ctrl-Z, as long as this lives.
#[derive(Debug)]
pub(crate) struct Stopped(i32);

impl Stopped {
    /// Stops a process.
    pub(crate) fn stop(pid: i32) -> Result<Self> {
        kill(pid, libc::SIGSTOP)?;
        Ok(Self(pid))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill(self.0, libc::SIGCONT);
    }
}
