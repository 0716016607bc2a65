//! The process that answers: it gives up its rights, and has each question answered by a copy of itself, so that
//! what a file does to its reader ends with that.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
    ptr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{Answer, MESSAGE, Question, READY, resolve};

/// Whose rights it has if it was started by root: those of nobody.
const NOBODY: libc::uid_t = 65_534;

/// What a copy may use: bytes of memory, seconds of processor time, descriptors.
const MEMORY: libc::rlim_t = 2 << 30;
const PROCESSOR_TIME: libc::rlim_t = 1;
const DESCRIPTORS: libc::rlim_t = 16;

/// So long a copy may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// So many copies can be left that do not end, as those that wait for a disk for ever.
const MAX_COPIES: usize = 4;

/// The standard input is the socket.
const SOCKET: RawFd = 0;

/// Answers until nobody asks any more.
///
/// # Errors
///
/// If the rights cannot be given up, or the standard input is no such socket.
pub fn serve() -> Result<()> {
    be_alone();
    give_up_rights().context("cannot give up the rights of root")?;
    send(READY).context("the standard input is not a socket")?;
    let (mut message, mut copies) = ([0; MESSAGE], 0);
    loop {
        let length = receive(&mut message)?;
        if length == 0 {
            return Ok(());
        }
        if let Some(question) = Question::decode(message.get(..length).unwrap_or_default()) {
            let symbol = if copies < MAX_COPIES { answer(&question, &mut copies) } else { None };
            send(&Answer { number: question.number, symbol }.encode())?;
        }
        copies -= reap().min(copies);
    }
}

/// Has nothing of who started the agent: neither its terminal, nor what it has open. Whatever ends the agent, it ends
/// as nobody asks any more.
fn be_alone() {
    // SAFETY: plain system calls; the standard descriptors are ours.
    unsafe {
        libc::setsid();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            libc::signal(signal, libc::SIG_IGN);
        }
        libc::prctl(libc::PR_SET_NAME, c"sigtrace-syms".as_ptr());
        let last_standard = 2;
        libc::syscall(libc::SYS_close_range, last_standard + 1, libc::c_uint::MAX, 0);
    }
}

/// From here on it is nobody, without rights, for good.
fn give_up_rights() -> Result<()> {
    // SAFETY: plain system calls.
    unsafe {
        if libc::geteuid() == 0 {
            let groups = libc::setgroups(0, ptr::null());
            let group = libc::setresgid(NOBODY, NOBODY, NOBODY);
            let user = libc::setresuid(NOBODY, NOBODY, NOBODY);
            if groups != 0 || group != 0 || user != 0 {
                return Err(io::Error::last_os_error().into());
            }
        }
        // Others of nobody must not look into it, nor change what it does.
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

/// What a copy of this process answers, which has nothing but a pipe to say it. Not by fork(3), whose library blocks
/// all signals meanwhile, which would be seen as calls; for the same reason its end is not told by a signal. `copies`
/// is how many there are.
fn answer(question: &Question<'_>, copies: &mut usize) -> Option<(String, u64)> {
    let (mut said, says) = pipe().ok()?;
    // SAFETY: as fork: this process has one thread, and the copy gets its own of all memory.
    let pid = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    match pid {
        -1 => None,
        0 => {
            drop(said);
            // SAFETY: the standard input is the socket, which is the original's.
            unsafe { libc::close(SOCKET) };
            let symbol = if limit().is_ok() { resolve::symbol(question) } else { None };
            if let Some((name, offset)) = symbol {
                let _ = (&says).write_all(&[&offset.to_ne_bytes(), name.as_bytes()].concat());
            }
            // SAFETY: ends the copy, without what the original has still to do.
            unsafe { libc::_exit(0) }
        }
        pid => {
            drop(says);
            *copies += 1;
            let symbol = listen(&mut said);
            if symbol.is_none() {
                // It may be at it still. One that has ended is not there for a signal any more.
                // SAFETY: our own child, which we have not waited for.
                unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
            }
            symbol
        }
    }
}

/// What a copy says until it ends, or takes too long; nothing if that is no answer.
fn listen(said: &mut File) -> Option<(String, u64)> {
    let until = Instant::now() + PATIENCE;
    let mut answer = Vec::new();
    let mut part = [0; resolve::MAX_NAME + size_of::<u64>()];
    while answer.len() <= part.len() {
        let left = until.saturating_duration_since(Instant::now()).as_millis();
        let mut ready = libc::pollfd { fd: said.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: a structure to write to.
        let polled = unsafe { libc::poll(&raw mut ready, 1, i32::try_from(left).ok()?) };
        if polled < 1 {
            return None;
        }
        let length = said.read(&mut part).ok()?;
        if length == 0 {
            break;
        }
        answer.extend_from_slice(part.get(..length)?);
    }
    let (offset, name) = answer.split_first_chunk()?;
    let name = str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    (name.len() <= resolve::MAX_NAME).then(|| (name.to_owned(), u64::from_ne_bytes(*offset)))
}

fn pipe() -> io::Result<(File, File)> {
    let mut fds = [0; 2];
    // SAFETY: an array of two to write to; then descriptors that are ours alone.
    unsafe {
        if libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(io::Error::last_os_error());
        }
        let [read, write] = fds.map(|fd| File::from(OwnedFd::from_raw_fd(fd)));
        Ok((read, write))
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
        (libc::RLIMIT_NPROC, 0),
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

/// Forgets the copies that have ended; how many. `__WALL`, as their ends are told by no signal.
fn reap() -> usize {
    let mut reaped = 0;
    // SAFETY: plain system call.
    while unsafe { libc::waitpid(-1, ptr::null_mut(), libc::WNOHANG | libc::__WALL) } > 0 {
        reaped += 1;
    }
    reaped
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
        if let Ok(length) = usize::try_from(length) {
            return Ok(length);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of these bytes, if the copy then ends.
    fn heard(bytes: &[u8]) -> Option<(String, u64)> {
        let (mut said, mut says) = pipe().unwrap();
        says.write_all(bytes).unwrap();
        drop(says);
        listen(&mut said)
    }

    fn answer(name: &[u8]) -> Vec<u8> {
        [&5_u64.to_ne_bytes(), name].concat()
    }

    #[test]
    fn what_a_copy_says_is_a_name_and_an_offset() {
        assert_eq!(heard(&answer(b"main")), Some(("main".to_owned(), 5)));
        let longest = vec![b'x'; resolve::MAX_NAME];
        assert_eq!(heard(&answer(&longest)).map(|(name, _)| name.len()), Some(longest.len()));
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let too_long = vec![b'x'; resolve::MAX_NAME + 1];
        let flood = vec![b'x'; 60_000];
        for name in [&b""[..], b"\xff", &too_long, &flood] {
            assert_eq!(heard(&answer(name)), None);
        }
        assert_eq!(heard(b""), None);
        assert_eq!(heard(b"short"), None);
    }

    #[test]
    fn a_copy_that_says_nothing_is_waited_for_for_a_second() {
        let (mut said, says) = pipe().unwrap();
        let begun = Instant::now();
        assert_eq!(listen(&mut said), None);
        // On a machine with much else to do it takes longer to come back.
        assert!((PATIENCE..20 * PATIENCE).contains(&begun.elapsed()));
        drop(says);
    }
}
