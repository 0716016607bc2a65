//! The service manager's end of sd_notify.

use std::env;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A socket that a service reports to.
#[derive(Debug)]
pub(super) struct Notify {
    socket: UnixDatagram,
    /// For `NOTIFY_SOCKET`.
    pub(super) path: PathBuf,
}

impl Notify {
    pub(super) fn new() -> Self {
        let path = temporary("notify");
        let socket =
            UnixDatagram::bind(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let timeout = Some(Duration::from_millis(20));
        socket.set_read_timeout(timeout).unwrap_or_else(|error| panic!("read timeout: {error}"));
        Self { socket, path }
    }

    /// Whether readiness was reported; waits a moment for it.
    pub(super) fn is_ready(&self) -> Option<()> {
        let mut message = [0; 256];
        let length = self.socket.recv(&mut message).unwrap_or(0);
        message[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1").then_some(())
    }
}

impl Drop for Notify {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A path in the temporary folder that nobody else uses.
pub fn temporary(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    env::temp_dir().join(format!("{name}-{}-{count}", process::id()))
}
