//! Children that do their part when told to.

use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};

use crate::process::{fork, wait};

/// A child that waits for its cue.
pub(super) struct Victim {
    pub(super) pid: i32,
    cue: PipeWriter,
}

impl Victim {
    /// Forks one that will do this. It has the default action for every signal, and none is blocked.
    pub(super) fn new(part: impl FnOnce() -> i32) -> Self {
        let (mut heard, cue) = pipe();
        let pid = fork(|| {
            // The library ignores it.
            // SAFETY: no handler.
            unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
            match heard.read_exact(&mut [0]) {
                Ok(()) => part(),
                Err(_) => 1,
            }
        });
        Self { pid, cue }
    }

    /// One that does nothing but wait.
    pub(super) fn idle() -> Self {
        Self::new(|| 0)
    }

    /// Gives it its cue.
    pub(super) fn go(&mut self) {
        self.cue.write_all(&[0]).unwrap_or_else(|error| panic!("{}: {error}", self.pid));
    }

    /// Waits until it is dead of this signal.
    pub(super) fn dies_of(self, signal: i32) {
        dies_of(self.pid, signal);
    }

    /// Waits until it has done its part.
    pub(super) fn ends(self) {
        assert_eq!(wait(self.pid), 0, "{}", self.pid);
    }
}

/// Waits until a child is dead of this signal. Whether it left a core is not for us to say.
pub(super) fn dies_of(pid: i32, signal: i32) {
    assert_eq!(wait(pid) & 0x7f, signal, "what killed {pid}");
}

/// Sends a signal.
pub(super) fn kill(pid: i32, signal: i32) {
    // SAFETY: no memory is involved.
    let done = unsafe { libc::kill(pid, signal) };
    assert_eq!(done, 0, "kill({pid}, {signal}): {}", io::Error::last_os_error());
}

/// A pipe between forked processes.
pub(super) fn pipe() -> (PipeReader, PipeWriter) {
    io::pipe().unwrap_or_else(|error| panic!("pipe: {error}"))
}

/// Tells numbers to the other end.
pub(super) fn tell(pipe: &mut PipeWriter, numbers: &[i32]) {
    for number in numbers {
        pipe.write_all(&number.to_ne_bytes()).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Hears a number from the other end.
pub(super) fn hear(pipe: &mut PipeReader) -> i32 {
    let mut number = [0; 4];
    pipe.read_exact(&mut number).unwrap_or_else(|error| panic!("nothing was told: {error}"));
    i32::from_ne_bytes(number)
}

/// Our process id.
pub(super) fn own() -> i32 {
    // SAFETY: no memory is involved.
    unsafe { libc::getpid() }
}
