//! Standard error, written so that whoever does not read it cannot hold us up.

use std::{
    fmt,
    io::{self, Write},
    os::fd::AsRawFd as _,
    thread::sleep,
    time::{Duration, Instant},
};

/// How long the last words wait for their reader.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// Standard error. What cannot be written in time is dropped: the stream is what matters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stderr {
    /// How long to go on trying.
    patience: Duration,
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let deadline = Instant::now() + self.patience;
        while let Err(error) = write_now(bytes)
            && error.kind() == io::ErrorKind::WouldBlock
            && Instant::now() < deadline
        {
            sleep(PAUSE);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes to a socket, such as the journal's, or to anything else that is ready. A socket is ready
/// for a line long before it says that it is.
fn write_now(bytes: &[u8]) -> io::Result<()> {
    let fd = io::stderr().as_raw_fd();
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the buffer has the length given.
    if unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) } >= 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() != Some(libc::ENOTSOCK) {
        return Err(error);
    }
    let mut ready = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd to read and write.
    unsafe { libc::poll(&raw mut ready, 1, 0) };
    if ready.revents & libc::POLLOUT == 0 {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    // A pipe that is ready takes this much without blocking.
    io::stderr().write(&bytes[..bytes.len().min(libc::PIPE_BUF)]).map(drop)
}

/// Writes a line at the end: for what follows it nobody has to wait, so it may wait a while.
pub fn say(message: fmt::Arguments<'_>) {
    say_line(format!("sigtrace: {message}\n").as_bytes());
}

/// Says a line that speaks for itself, its end included.
pub fn say_line(line: &[u8]) {
    // One write, so that the lines of several programs do not mix.
    let _ = Stderr { patience: LAST_WORDS }.write(line);
}
