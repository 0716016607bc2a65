//! Passing on what the job writes. It gets pipes rather than the serial ports themselves: those are
//! terminals, and programs write differently to a terminal.

use std::io::Read;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// How long a pipe whose job has ended must be empty to be done with, in milliseconds: a process
/// left behind may hold it open for ever.
const QUIET: libc::c_int = 100;

/// Set once the job has ended.
pub(crate) static JOB_ENDED: AtomicBool = AtomicBool::new(false);

/// Hands everything that comes out of `pipe` to `pass`, until there can be no more.
pub(crate) fn all(mut pipe: impl Read + AsRawFd, mut pass: impl FnMut(&[u8])) {
    let mut buffer = [0; 16 * 1024];
    loop {
        // Asked before the pipe is looked at: what the job wrote was in it by then.
        let last_look = JOB_ENDED.load(Ordering::Acquire);
        if is_readable(pipe.as_raw_fd()) {
            match pipe.read(&mut buffer) {
                Ok(count @ 1..) => pass(&buffer[..count]),
                Ok(0) | Err(_) => return,
            }
        } else if last_look {
            return;
        }
    }
}

/// Hands everything that comes out of `pipe` to `pass` line by line, the last one even if unended.
pub(crate) fn lines(pipe: impl Read + AsRawFd, mut pass: impl FnMut(&str)) {
    let mut pending = Vec::new();
    let mut emit = |line: &[u8]| pass(&String::from_utf8_lossy(line));
    all(pipe, |bytes| {
        pending.extend_from_slice(bytes);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            emit(&pending[..end]);
            pending.drain(..=end);
        }
    });
    if !pending.is_empty() {
        emit(&pending);
    }
}

/// Waits a little for bytes, or for the end, which counts as readable too.
fn is_readable(fd: RawFd) -> bool {
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: the one entry outlives the call.
    unsafe { libc::poll(&raw mut entry, 1, QUIET) > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn lines_come_whole_and_the_last_needs_no_end() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"one\ntwo\n\nthr").unwrap();
        writer.write_all(b"ee").unwrap();
        drop(writer);
        let mut seen = Vec::new();
        lines(reader, |line| seen.push(line.to_owned()));
        assert_eq!(seen, ["one", "two", "", "three"]);
    }

    #[test]
    fn a_pipe_that_is_held_open_ends_with_the_job() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"all of it").unwrap();
        JOB_ENDED.store(true, Ordering::Release);
        let mut seen = Vec::new();
        all(reader, |bytes| seen.extend_from_slice(bytes));
        assert_eq!(seen, b"all of it");
    }
}
