//! The service manager: what it is told of how sigtrace begins and ends (`sd_notify(3)`).

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::{task::JoinHandle, time::interval};

/// Asks for ten seconds more, from when this is sent.
const EXTENSION: NotifyState<'_> = NotifyState::ExtendTimeoutUsec(10_000_000);
/// How often that is asked for, so that even a busy machine sends the next one in time.
const EXTEND_EVERY: Duration = Duration::from_secs(2);

/// Events are read from now on.
pub(crate) fn ready() {
    tracing::info!("ready");
    notify(&[NotifyState::Ready]);
}

/// Says that sigtrace stops, and until the returned value is dropped that it goes on: waiting for programs
/// and detaching them takes the kernel seconds, and the more the busier the machine is, which is longer
/// than who waits for an end would wait.
pub(crate) fn stopping() -> Stopping {
    notify(&[NotifyState::Stopping]);
    Stopping(tokio::spawn(async {
        let mut due = interval(EXTEND_EVERY);
        loop {
            due.tick().await;
            notify(&[EXTENSION]);
        }
    }))
}

/// As long as this lives, the service manager waits.
#[derive(Debug)]
#[must_use = "no more time is asked for once it is dropped"]
pub(crate) struct Stopping(JoinHandle<()>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells the service manager, if there is one.
fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("cannot notify the service manager: {error}");
    }
}
