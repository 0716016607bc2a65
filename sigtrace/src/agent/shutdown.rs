//! What ends the tracing: a signal, the time, the end of the command.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep, sleep_until},
};

use super::child::Child;

/// How long a reader who does not read can delay the end, once a signal asked for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// The signals that end the tracing, and its time.
#[derive(Debug)]
pub(crate) struct Shutdown {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    child: Signal,
    duration: Option<Duration>,
    /// Whether a signal ended it.
    signalled: bool,
}

impl Shutdown {
    pub(crate) fn new(duration: Option<Duration>) -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
            child: listen(SignalKind::child())?,
            duration,
            signalled: false,
        })
    }

    /// Waits for the end. With a command that is its end, and the status is the command's: SIGTERM
    /// is passed on to it, SIGINT it gets from the terminal as we do.
    pub(crate) async fn wait(&mut self, command: Option<&Child>) -> Result<u8> {
        let deadline = self.duration.map(|duration| Instant::now() + duration);
        loop {
            if let Some(status) = command.map(Child::try_wait).transpose()?.flatten() {
                return Ok(status);
            }
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.hangup.recv() => {}
                _ = self.terminate.recv() => {
                    if let Some(command) = command {
                        command.signal(libc::SIGTERM);
                    }
                }
                _ = self.child.recv() => continue,
                () = at(deadline) => return Ok(0),
            }
            self.signalled = true;
            match command {
                None => return Ok(0),
                // A second signal ends it even if the command lives on.
                Some(command) => return self.command_end(command).await,
            }
        }
    }

    async fn command_end(&mut self, command: &Child) -> Result<u8> {
        loop {
            if let Some(status) = command.try_wait()? {
                return Ok(status);
            }
            tokio::select! {
                _ = self.interrupt.recv() => return Ok(128 + libc::SIGINT as u8),
                _ = self.terminate.recv() => return Ok(128 + libc::SIGTERM as u8),
                _ = self.child.recv() => {}
            }
        }
    }

    /// Waits until what is left to do must not be waited for any longer: a while after a signal,
    /// be it the one that ended the tracing or one that came since.
    pub(crate) async fn run_out_of_patience(&mut self) {
        if !self.signalled {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.hangup.recv() => {}
                _ = self.terminate.recv() => {}
            }
        }
        sleep(PATIENCE).await;
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
