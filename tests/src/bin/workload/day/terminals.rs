//! What a terminal kills by.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr::{null, null_mut};

use sigtrace_tests::death::Death;

use super::kernels::gone;
use super::victim::{dies_of, hear, kill, own, pipe, tell};
use crate::process::{fork, sleep, wait, wait_until_state};

/// A terminal: the end that a person sits at, and the programs' end.
fn terminal() -> (File, OwnedFd) {
    let (mut master, mut slave) = (-1, -1);
    // SAFETY: numbers to write to; no name, modes or size.
    let done =
        unsafe { libc::openpty(&raw mut master, &raw mut slave, null_mut(), null(), null()) };
    assert_eq!(done, 0, "openpty: {}", io::Error::last_os_error());
    // SAFETY: nobody else's.
    unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) }
}

/// A session with that terminal: its leader, and a job of its with a process group of its own, which is in the
/// foreground.
struct Session {
    person: File,
    leader: i32,
    job: i32,
    ask: io::PipeWriter,
}

/// What a leader does at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// As a shell that is told to kill its job.
    KillJob,
    /// As one that is told to exit.
    Exit,
}

impl Session {
    fn new(then: Then) -> Self {
        let (person, slave) = terminal();
        let ((mut heard, mut told), (mut asked, ask)) = (pipe(), pipe());
        let seat = person.as_raw_fd();
        let leader = fork(|| {
            // SAFETY: no memory is involved; this copy of the descriptor is ours.
            unsafe {
                libc::close(seat);
                libc::setsid();
                assert_eq!(libc::ioctl(slave.as_raw_fd(), libc::TIOCSCTTY, 0), 0);
            }
            let job = fork(sleep);
            // SAFETY: no memory is involved. Who is not in the foreground must not mind SIGTTOU.
            unsafe {
                libc::setpgid(job, job);
                assert_eq!(libc::tcsetpgrp(slave.as_raw_fd(), job), 0);
            }
            tell(&mut told, &[job]);
            hear(&mut asked);
            if then == Then::KillJob {
                kill(-job, libc::SIGTERM);
                kill(-job, libc::SIGCONT);
                dies_of(job, libc::SIGTERM);
            }
            0
        });
        let job = hear(&mut heard);
        Self { person, leader, job, ask }
    }

    fn types(&mut self, key: u8) {
        self.person.write_all(&[key]).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Has the leader do what it does at the end.
    fn ends(&mut self) {
        tell(&mut self.ask, &[0]);
        assert_eq!(wait(self.leader), 0);
        gone(self.job);
    }
}

/// A key that kills the job in the foreground. The kernel's thread that works it off is not the sender.
fn key_kills(key: u8, signal: &str) {
    let mut session = Session::new(Then::Exit);
    Death::of(session.job, signal).cause("terminal").write();
    session.types(key);
    gone(session.job);
    session.ends();
}

pub(super) fn interrupt() {
    key_kills(0x03, "SIGINT");
}

pub(super) fn quit() {
    key_kills(0x1c, "SIGQUIT");
}

/// Ctrl-Z, and `kill %1`, which first sends SIGTERM, then has the job go on.
pub(super) fn job_control() {
    let mut session = Session::new(Then::KillJob);
    session.types(0x1a);
    wait_until_state(session.job, 'T');
    Death::of(session.job, "SIGTERM").by_call("kill", session.leader).write();
    session.ends();
}

/// The person's end is closed: its leader is told, and as that dies of it, the job in the foreground.
pub(super) fn hang_up() {
    let session = Session::new(Then::Exit);
    Death::of(session.leader, "SIGHUP").cause("terminal").by(own()).if_known().write();
    Death::of(session.job, "SIGHUP").cause("terminal").by(session.leader).if_known().write();
    drop(session.person);
    dies_of(session.leader, libc::SIGHUP);
    gone(session.job);
}

/// The leader exits: the job in the foreground is told by its terminal.
pub(super) fn log_out() {
    let mut session = Session::new(Then::Exit);
    Death::of(session.job, "SIGHUP").cause("terminal").by(session.leader).if_known().write();
    session.ends();
}
