//! Job control: a terminal that is used from the background, and keys that have a job stop, or seem to.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;

use serde_json::Value;

use super::terminals::{Terminal, left_by_leader, open_end, until_caught};
use super::{catch, finish, fork, kill, pipe, resting, set_action, wait_for_change};
use crate::process::{wait, wait_until_state};

/// What the key writes that has a job stop.
const SUSPEND: &[u8] = b"\x1a";
/// What the interrupt key writes.
static INTERRUPT: u8 = 3;

/// The only process that stays in the background, and those that joined it there: three that were stopped for what
/// they did with the terminal, one that ignores such signals, and one that was stopped after that.
const BACKGROUND: usize = 6;

/// Processes in the background use the terminal.
pub(super) fn background() -> Value {
    let (mut told, mut tell) = pipe();
    let mut facts = left_by_leader(|terminal| {
        let idle = resting(|| {
            join(0);
            catch(libc::SIGTTIN);
            catch(libc::SIGTTOU);
        });
        let used = |signo, how: fn(&File) -> io::Result<()>| stopped(idle, signo, || how(terminal));
        let pids = [
            idle,
            used(libc::SIGTTIN, read),
            used(libc::SIGTTOU, stop_writers),
            used(libc::SIGTTOU, become_foreground),
            ignoring(idle, terminal),
            used(libc::SIGTTOU, write),
        ];
        finish(idle);
        let _ = tell.write_all(&pids.map(i32::to_ne_bytes).concat());
    });
    let mut pids = [0; 4 * BACKGROUND];
    told.read_exact(&mut pids).unwrap_or_else(|error| panic!("{error}"));
    let pids = pids.as_chunks().0.iter().map(|pid| i32::from_ne_bytes(*pid));
    facts["background"] = pids.collect();
    facts
}

/// Joins a process group, or begins one.
fn join(group: i32) {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::setpgid(0, group) }, 0, "{}", io::Error::last_os_error());
}

/// A process of this group that does what it is stopped for, and is killed then.
fn stopped(group: i32, signo: i32, act: impl FnOnce() -> io::Result<()>) -> i32 {
    let child = fork(|| {
        join(group);
        panic!("nothing stops it: {:?}", act());
    });
    let status = wait_for_change(child);
    assert!(libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) == signo, "{status:#x}");
    finish(child);
    child
}

/// A process of this group to which nothing is sent: it may change the terminal, as it ignores what is sent for
/// that, but not read; and it may do without it, as it leads no session.
fn ignoring(group: i32, terminal: &File) -> i32 {
    let child = fork(|| {
        join(group);
        set_action(libc::SIGTTIN, libc::SIG_IGN);
        set_action(libc::SIGTTOU, libc::SIG_IGN);
        let refused = read(terminal).err().and_then(|error| error.raw_os_error());
        assert_eq!(refused, Some(libc::EIO));
        stop_writers(terminal).unwrap_or_else(|error| panic!("{error}"));
        // SAFETY: no memory is involved.
        unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCNOTTY) }
    });
    assert_eq!(wait(child), 0);
    child
}

fn read(mut terminal: &File) -> io::Result<()> {
    terminal.read_exact(&mut [0])
}

fn write(mut terminal: &File) -> io::Result<()> {
    terminal.write_all(b"!")
}

/// From then on the background may not write.
fn stop_writers(terminal: &File) -> io::Result<()> {
    let mut mode = MaybeUninit::uninit();
    // SAFETY: a mode to write to, and to read from once it is written.
    let done = unsafe {
        if libc::tcgetattr(terminal.as_raw_fd(), mode.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut mode: libc::termios = mode.assume_init();
        mode.c_lflag |= libc::TOSTOP;
        libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, &raw const mode)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn become_foreground(terminal: &File) -> io::Result<()> {
    // SAFETY: no memory is involved.
    let done = unsafe { libc::tcsetpgrp(terminal.as_raw_fd(), libc::getpgrp()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A key has a job stop, which then goes on; what it gets next looks as if it was typed.
pub(super) fn keys() -> Value {
    let mut terminal = Terminal::new(&[libc::SIGINT, libc::SIGCONT, libc::SIGHUP], |_| {});
    terminal.keys.write_all(SUSPEND).unwrap_or_else(|error| panic!("{error}"));
    wait_until_state(terminal.member, 'T');
    kill(terminal.member, libc::SIGCONT);
    until_caught(terminal.caught, 1);
    let other_end = open_end(&terminal.name);
    // SAFETY: a byte to read from.
    let faked = unsafe { libc::ioctl(other_end.as_raw_fd(), libc::TIOCSTI, &raw const INTERRUPT) };
    assert_eq!(faked, 0, "TIOCSTI: {}", io::Error::last_os_error());
    until_caught(terminal.caught, 2);
    drop(other_end);
    // SAFETY: no memory is involved.
    let sent = unsafe { libc::ioctl(terminal.keys.as_raw_fd(), libc::TIOCSIG, libc::SIGINT) };
    assert_eq!(sent, 0, "TIOCSIG: {}", io::Error::last_os_error());
    until_caught(terminal.caught, 3);
    terminal.leave(4)
}
