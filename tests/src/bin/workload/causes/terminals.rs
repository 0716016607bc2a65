//! Terminals: keys, sizes, and their end. Job control is in `job_control`.

use std::fs::{File, OpenOptions};
use std::io::{PipeWriter, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{adopt, catch, finish, fork, pipe, set_action, shared};
use crate::process::{until, wait};

/// What the interrupt key writes.
const INTERRUPT: &[u8] = b"\x03";

/// A terminal of a session.
pub(super) struct Terminal {
    /// Our end.
    pub(super) keys: File,
    /// The other end.
    pub(super) name: String,
    /// The leader, which ends once it is let go, or by what its terminal's end sends it.
    leader: i32,
    leash: PipeWriter,
    /// A process group in the foreground, of one process, which catches these signals.
    pub(super) member: i32,
    /// How many it caught.
    pub(super) caught: &'static AtomicU64,
    handler: Value,
}

impl Terminal {
    /// The leader does this with it in the end.
    pub(super) fn new(signals: &[i32], at_end: impl FnOnce(&File)) -> Self {
        adopt();
        let keys = open_end("/dev/ptmx");
        let name = unlock(&keys);
        let caught = shared();
        let handlers: Vec<Value> = signals.iter().map(|signo| catch(*signo)).collect();
        let (mut told, mut tell) = pipe();
        let (mut held, leash) = pipe();
        let (keys_fd, leash_fd) = (keys.as_raw_fd(), leash.as_raw_fd());
        let leader = fork(|| {
            // SAFETY: neither is used any more on this side.
            unsafe {
                libc::close(keys_fd);
                libc::close(leash_fd);
            }
            let terminal = lead_session(&name);
            let member = fork(|| {
                // SAFETY: no memory is involved.
                unsafe { libc::setpgid(0, 0) };
                loop {
                    caught.store(super::caught().into(), Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(1));
                }
            });
            for &signo in signals {
                set_action(signo, libc::SIG_DFL);
            }
            // SAFETY: a number to read from.
            unsafe {
                libc::setpgid(member, member);
                assert_eq!(
                    libc::ioctl(terminal.as_raw_fd(), libc::TIOCSPGRP, &raw const member),
                    0
                );
            }
            let is_told = tell.write_all(&member.to_ne_bytes()).is_ok();
            let _ = held.read(&mut [0]);
            at_end(&terminal);
            i32::from(!is_told)
        });
        let mut member = [0; 4];
        told.read_exact(&mut member).unwrap_or_else(|error| panic!("{error}"));
        Self {
            keys,
            name,
            leader,
            leash,
            member: i32::from_ne_bytes(member),
            caught,
            handler: handlers[0].clone(),
        }
    }

    /// Lets the leader go, which the member is told of, and so has caught so many in all.
    pub(super) fn leave(self, count: u64) -> Value {
        let Self { keys, leader, leash, member, caught, handler, .. } = self;
        drop(leash);
        assert_eq!(wait(leader), 0);
        until_caught(caught, count);
        finish(member);
        drop(keys);
        json!({ "leader": leader, "member": member, "handler": handler })
    }
}

/// An end of a terminal, which is not to be ours.
pub(super) fn open_end(name: &str) -> File {
    let mut how = OpenOptions::new();
    let end = how.read(true).write(true).custom_flags(libc::O_NOCTTY).open(name);
    end.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Waits until the member caught so many.
pub(super) fn until_caught(caught: &AtomicU64, count: u64) {
    until(|| caught.load(Ordering::Relaxed) >= count);
}

/// Lets the other end be opened; its name.
fn unlock(keys: &File) -> String {
    let (no, mut number) = (0, 0);
    // SAFETY: numbers to read from and to write to.
    unsafe {
        assert_eq!(libc::ioctl(keys.as_raw_fd(), libc::TIOCSPTLCK, &raw const no), 0);
        assert_eq!(libc::ioctl(keys.as_raw_fd(), libc::TIOCGPTN, &raw mut number), 0);
    }
    format!("/dev/pts/{number}")
}

/// Begins a session, whose terminal the one is that is opened first.
fn lead_session(name: &str) -> File {
    // SAFETY: no memory is involved.
    assert!(unsafe { libc::setsid() } > 0);
    let terminal = OpenOptions::new().read(true).write(true).open(name);
    terminal.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A key is pressed, the size changes, and then the terminal is gone, which ends the leader, which the member is
/// told of in turn.
pub(super) fn hung_up() -> Value {
    let terminal = Terminal::new(&[libc::SIGHUP, libc::SIGINT], |_| {});
    let Terminal { mut keys, leader, leash, member, caught, handler, .. } = terminal;
    keys.write_all(INTERRUPT).unwrap_or_else(|error| panic!("{error}"));
    until_caught(caught, 1);
    let size = libc::winsize { ws_row: 7, ws_col: 70, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: a size to read from.
    assert_eq!(unsafe { libc::ioctl(keys.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }, 0);
    drop(keys);
    assert_eq!(wait(leader), libc::SIGHUP);
    until_caught(caught, 2);
    finish(member);
    drop(leash);
    json!({ "leader": leader, "member": member, "handler": handler })
}

/// The leader exits, which the member is told of.
pub(super) fn session_end() -> Value {
    left_by_leader(|_| {})
}

/// The leader gives up the terminal, which the member is told of.
pub(super) fn given_up() -> Value {
    left_by_leader(|terminal| {
        // SAFETY: no memory is involved.
        assert_eq!(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCNOTTY) }, 0);
    })
}

/// The leader does this with the terminal, and exits.
pub(super) fn left_by_leader(at_end: impl FnOnce(&File)) -> Value {
    Terminal::new(&[libc::SIGHUP], at_end).leave(1)
}
