//! The command after `--`: started, but held until the probes are attached, so that its very first
//! call is seen.

use std::{
    ffi::{CString, OsString},
    fs::File,
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::OsStringExt as _,
    },
    ptr,
};

use anyhow::{Context as _, Result, bail};
use tokio::net::unix::pipe::Receiver;

use super::ended::{CannotRun, Ended};

/// A process that will execute the command.
#[derive(Debug)]
pub(crate) struct Child {
    /// Its process id.
    pub(crate) pid: u32,
    /// The command's name, for messages.
    pub(crate) name: String,
    /// Writing here lets it go.
    gate: File,
    /// It writes a byte here when it waits, and its errno should it fail to execute the command; it is
    /// closed once that is executed.
    failure: OwnedFd,
}

impl Child {
    /// Forks. The caller must have one thread only.
    pub(crate) fn fork(cmd: &[OsString]) -> Result<Self> {
        let name = cmd.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let args = cmd
            .iter()
            .map(|arg| CString::new(arg.clone().into_vec()))
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| format!("{name}: an argument contains a NUL byte"))?;
        let mut argv: Vec<_> = args.iter().map(|arg| arg.as_ptr()).collect();
        argv.push(ptr::null());

        let (held, gate) = pipe()?;
        let (failure, failed) = pipe()?;
        // SAFETY: we have one thread, and the child only makes system calls.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()).context("cannot fork"),
            0 => {
                drop(gate);
                // SAFETY: `argv` is an array of strings that ends with a null pointer.
                unsafe { execute(&held, &failed, &argv) }
            }
            pid => {
                drop(failed);
                let mut said = File::from(failure);
                // Once it has said so, it makes no more calls of its own.
                said.read_exact(&mut [0])
                    .context("the command's process died before it started")?;
                let failure = said.into();
                Ok(Self { pid: u32::try_from(pid)?, name, gate: File::from(gate), failure })
            }
        }
    }

    /// Lets it execute the command, and waits until it has: that takes as long as its file does, which
    /// can be on a server that does not answer.
    pub(crate) async fn release(&self) -> Result<()> {
        // A pipe takes a byte at once.
        if (&self.gate).write_all(&[0]).is_err() {
            bail!("{} was killed before it started", self.name);
        }
        let mut errno = [0; 4];
        match self.hear(&mut errno).await.context("cannot read from the command's process")? {
            0 => Ok(()),
            4 => {
                self.try_wait()?;
                let reason = io::Error::from_raw_os_error(i32::from_ne_bytes(errno));
                Err(CannotRun { name: self.name.clone(), reason }.into())
            }
            _ => bail!("cannot run {}", self.name),
        }
    }

    /// Waits for what it has to say; nothing once the command is executed, or it is gone.
    async fn hear(&self, said: &mut [u8]) -> io::Result<usize> {
        let failure = Receiver::from_owned_fd(self.failure.try_clone()?)?;
        loop {
            failure.readable().await?;
            match failure.try_read(said) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                heard => return heard,
            }
        }
    }

    /// How it ended, if it has.
    pub(crate) fn try_wait(&self) -> Result<Option<Ended>> {
        let mut status = 0;
        // SAFETY: plain system call.
        match unsafe { libc::waitpid(self.pid as libc::pid_t, &raw mut status, libc::WNOHANG) } {
            0 => Ok(None),
            -1 => Err(io::Error::last_os_error()).context("waitpid"),
            _ => Ok(Some(Ended::of(status))),
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: libc::c_int) {
        // SAFETY: plain system call on our own child, which we have not waited for.
        unsafe { libc::kill(self.pid as libc::pid_t, signal) };
    }
}

/// In the child. What it does before it is let go is not traced; after, only `execve` follows.
///
/// # Safety
///
/// `argv` must end with a null pointer. Only async-signal-safe functions are called.
unsafe fn execute(held: &OwnedFd, failed: &OwnedFd, argv: &[*const libc::c_char]) -> ! {
    // SAFETY: system calls on our own descriptors and buffers.
    unsafe {
        // Rust ignores it, and the command would inherit that.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::write(failed.as_raw_fd(), [0u8].as_ptr().cast(), 1);
        let mut go = 0u8;
        if libc::read(held.as_raw_fd(), (&raw mut go).cast(), 1) == 1 {
            libc::execvp(argv[0], argv.as_ptr());
            let errno = *libc::__errno_location();
            libc::write(failed.as_raw_fd(), (&raw const errno).cast(), 4);
        }
        // 127: what a shell exits with when there is no such command.
        libc::_exit(127)
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: an array of two to write to; then descriptors that are ours alone.
    unsafe {
        if libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(io::Error::last_os_error()).context("cannot create a pipe");
        }
        Ok((OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])))
    }
}
