//! The process that answers: it gives up its rights, and has each question answered by a copy of itself, so that
//! what a file does to its reader ends with that.

use std::{io, os::fd::RawFd};

use anyhow::{Context as _, Result, bail};

use super::{Answer, MESSAGE, Question, READY, resolve};

/// Whose rights it has if it was started by root: those of nobody.
const NOBODY: libc::uid_t = 65_534;

/// What a copy may use: bytes of memory, seconds of processor time, descriptors.
const MEMORY: libc::rlim_t = 2 << 30;
const PROCESSOR_TIME: libc::rlim_t = 1;
const DESCRIPTORS: libc::rlim_t = 16;

/// The standard input is the socket.
const SOCKET: RawFd = 0;

/// Answers until nobody asks any more.
///
/// # Errors
///
/// If the rights cannot be given up, or the standard input is no such socket.
pub fn serve() -> Result<()> {
    give_up_rights().context("cannot give up the rights of root")?;
    send(READY).context("the standard input is not a socket")?;
    let mut message = [0; MESSAGE];
    loop {
        let length = receive(&mut message)?;
        if length == 0 {
            return Ok(());
        }
        if let Some(question) = Question::decode(message.get(..length).unwrap_or_default()) {
            have_answered(&question)?;
        }
        reap();
    }
}

/// From here on it is nobody, without rights, for good.
fn give_up_rights() -> Result<()> {
    // SAFETY: plain system calls.
    unsafe {
        if libc::geteuid() == 0 {
            let groups = libc::setgroups(0, std::ptr::null());
            let group = libc::setresgid(NOBODY, NOBODY, NOBODY);
            let user = libc::setresuid(NOBODY, NOBODY, NOBODY);
            if groups != 0 || group != 0 || user != 0 {
                return Err(io::Error::last_os_error().into());
            }
        }
        // A copy of the agent's memory, which was root's, is nobody's business.
        if libc::prctl(libc::PR_SET_DUMPABLE, 0) != 0
            || libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        {
            return Err(io::Error::last_os_error().into());
        }
    }
    caps::clear(None, caps::CapSet::Permitted)?;
    if !caps::read(None, caps::CapSet::Effective)?.is_empty() {
        bail!("it still has capabilities");
    }
    Ok(())
}

/// Answers by a copy of this process. Not by fork(3), whose library blocks all signals meanwhile, which would be seen
/// as calls; for the same reason its end is not told by a signal.
fn have_answered(question: &Question<'_>) -> Result<()> {
    // SAFETY: as fork: this process has one thread, and the copy gets its own of all memory.
    let pid = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    match pid {
        -1 => {
            // There may be room for it later.
            let answer = Answer { number: question.number, symbol: None };
            Ok(send(&answer.encode())?)
        }
        0 => {
            let symbol = if limit().is_ok() { resolve::symbol(question) } else { None };
            let answer = Answer { number: question.number, symbol };
            // Nobody is there to be told.
            let _ = send(&answer.encode());
            // SAFETY: ends the copy, without what the original has still to do.
            unsafe { libc::_exit(0) }
        }
        _ => Ok(()),
    }
}

/// Limits what this process may use.
fn limit() -> io::Result<()> {
    let limits = [
        (libc::RLIMIT_AS, MEMORY),
        (libc::RLIMIT_CPU, PROCESSOR_TIME),
        (libc::RLIMIT_NOFILE, DESCRIPTORS),
        (libc::RLIMIT_FSIZE, 0),
        (libc::RLIMIT_CORE, 0),
    ];
    for (resource, limit) in limits {
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: a structure to read.
        if unsafe { libc::setrlimit(resource, &raw const limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Forgets the copies that have ended. `__WALL`, as their ends are told by no signal.
fn reap() {
    // SAFETY: plain system call.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG | libc::__WALL) } > 0 {}
}

fn send(message: &[u8]) -> io::Result<()> {
    // SAFETY: bytes to read.
    let sent =
        unsafe { libc::send(SOCKET, message.as_ptr().cast(), message.len(), libc::MSG_NOSIGNAL) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The length of the next message; 0 if there are none any more.
fn receive(message: &mut [u8]) -> io::Result<usize> {
    loop {
        // SAFETY: bytes to write to.
        let length = unsafe { libc::recv(SOCKET, message.as_mut_ptr().cast(), message.len(), 0) };
        match usize::try_from(length) {
            Ok(length) => return Ok(length),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}
