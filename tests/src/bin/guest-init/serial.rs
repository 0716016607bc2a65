//! The two serial ports.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, Result};

use crate::mount::check;

/// The serial port that the kernel's messages go to, by whatever name.
const CONSOLE: &str = "/dev/console";

/// Opens the port of the job's output so that every byte passes unchanged.
pub(crate) fn open_job_port(name: &str) -> Result<File> {
    let port = open(&format!("/dev/{name}"))?;
    // SAFETY: an all-zero termios is valid, and tcgetattr fills it.
    let mut settings: libc::termios = unsafe { std::mem::zeroed() };
    let fd = port.as_raw_fd();
    // SAFETY: the descriptor is open, and the settings outlive the calls.
    unsafe {
        check(libc::tcgetattr(fd, &raw mut settings))?;
        libc::cfmakeraw(&raw mut settings);
        settings.c_cflag |= libc::CLOCAL | libc::CREAD;
        check(libc::cfsetspeed(&raw mut settings, libc::B115200))?;
        check(libc::tcsetattr(fd, libc::TCSANOW, &raw const settings))?;
    }
    Ok(port)
}

/// Waits until everything written to `port` has left the machine.
pub(crate) fn drain(port: &File) {
    // SAFETY: the descriptor is open. A port that cannot be drained is one nobody listens to.
    unsafe { libc::tcdrain(port.as_raw_fd()) };
}

/// Waits until our own messages have left the machine.
pub(crate) fn drain_console() {
    let _ = std::io::stdout().flush();
    if let Ok(console) = open(CONSOLE) {
        drain(&console);
    }
}

/// Calls `stop` for every stop byte that comes in, until the port fails.
pub(crate) fn watch_for_stop(mut port: File, stop: impl Fn()) {
    let mut byte = [0];
    while let Ok(1) = port.read(&mut byte) {
        if byte == [3] {
            stop();
        }
    }
}

fn open(path: &str) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(path)
        .with_context(|| format!("opening {path}"))
}
