//! Standard error, written so that whoever does not read it cannot hold us up.

use std::{
    fmt,
    io::{self, Write},
    os::fd::AsRawFd as _,
};

/// As much as a pipe that is ready takes without blocking (`PIPE_BUF`, `pipe(7)`).
const PIPE_BUF: usize = 4096;

/// How long the last words wait for their reader, in milliseconds.
const LAST_WORDS_MS: i32 = 1000;

/// Standard error. What cannot be written in time is dropped: the stream is what matters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stderr {
    /// How long to wait until it can be written, in milliseconds.
    wait_ms: i32,
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut ready =
            libc::pollfd { fd: io::stderr().as_raw_fd(), events: libc::POLLOUT, revents: 0 };
        // SAFETY: one pollfd to read and write.
        if unsafe { libc::poll(&raw mut ready, 1, self.wait_ms) } == 1
            && ready.revents & libc::POLLOUT != 0
        {
            let _ = io::stderr().write(&bytes[..bytes.len().min(PIPE_BUF)]);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a line at the end: for what follows it nobody has to wait, so it may wait a while.
pub fn say(message: fmt::Arguments<'_>) {
    // One write, so that the lines of several programs do not mix.
    let _ = Stderr { wait_ms: LAST_WORDS_MS }.write(format!("sigtrace: {message}\n").as_bytes());
}
