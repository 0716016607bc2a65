//! Where lines go: written without ever blocking, so that a reader who has stopped reading cannot
//! keep the agent from stopping, and so that it is known to the byte how much arrived.

mod file;
mod open;

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::{
        fd::{AsFd as _, AsRawFd, OwnedFd, RawFd},
        unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    },
    path::Path,
    time::Duration,
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    time::sleep,
};

pub(crate) use self::file::LineFile;
use self::open::OpenError;
use super::readiness::register;

/// An output.
#[derive(Debug)]
pub(crate) enum Sink {
    /// A regular file, or a device that is always ready.
    File(LineFile),
    /// A pipe or a terminal, opened anew in non-blocking mode: the mode of the descriptor we were
    /// given is shared with whoever gave it to us.
    Pipe(AsyncFd<File>),
    /// A socket, such as the journal's. It cannot be opened anew, but asked not to block.
    Socket(AsyncFd<Socket>),
}

/// A socket.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    /// How much may wait in it to be read. Only a Unix socket tells its writer that there is room
    /// before it was ever full; others have none to reserve.
    limit: Option<usize>,
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// This part of a socket's buffer is left for our last words: under systemd standard error is the
/// same socket, and a reader in arrears must still get to read what became of the rest.
const RESERVED_PART: usize = 8;

/// No more than this waits in a Unix socket, however large its buffer is. The journal's has 8 MB,
/// and what it still has to read when the service has ended it measures by its own rate limit, as
/// those of the unit are gone then: it would drop events that we call printed.
const ARREARS: usize = 256 << 10;

/// How long between two looks at what waits in a socket.
const PAUSE: Duration = Duration::from_millis(10);

impl Sink {
    /// Our standard output. Needs a tokio runtime.
    pub(crate) fn stdout() -> io::Result<Self> {
        Self::new(io::stdout().as_fd().try_clone_to_owned()?)
    }

    /// A file, emptied, appended to, or created for nobody else to read. Needs a tokio runtime.
    pub(crate) fn open(path: &Path, append: bool) -> Result<Self, OpenError> {
        Ok(Self::new(open::open(path, append)?.into())?)
    }

    fn new(fd: OwnedFd) -> io::Result<Self> {
        let file = File::from(fd);
        let kind = file.metadata()?.file_type();
        let interest = Interest::WRITABLE | Interest::ERROR;
        if kind.is_socket() {
            let interest = interest | Interest::READABLE;
            return Ok(Self::Socket(register(Socket::new(file.into())?, interest)?));
        }
        if kind.is_fifo() || kind.is_char_device() {
            let anew = OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
                .open(format!("/proc/self/fd/{}", file.as_raw_fd()));
            match anew.map(|file| register(file, interest)) {
                Ok(Ok(pipe)) => return Ok(Self::Pipe(pipe)),
                // It cannot be waited for, as it is always ready: /dev/null (epoll_ctl(2)).
                Ok(Err(error)) if error.raw_os_error() == Some(libc::EPERM) => {}
                Ok(Err(error)) | Err(error) => {
                    tracing::warn!(
                        "output: cannot reopen it: {error}; a reader that stops reading will stop \
                         sigtrace too"
                    );
                }
            }
        }
        Ok(Self::File(LineFile::new(file)?))
    }

    /// Writes some of `bytes`, which are lines, and says how many. Nothing is written if the future
    /// is dropped. Who reads gets whole lines, even if we give up on it, or a disk is full.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lines = atomic_part(bytes);
        match self {
            Self::File(file) => file.write(bytes),
            Self::Pipe(pipe) => {
                pipe.async_io(Interest::WRITABLE, |file| (&*file).write(lines)).await
            }
            Self::Socket(socket) => {
                socket.async_io(Interest::WRITABLE, |socket| socket.send(lines)).await
            }
        }
    }

    /// Resolves once everything written was read, where that can be told.
    pub(crate) async fn read(&self) -> io::Result<()> {
        if let Self::Socket(socket) = self {
            while socket.get_ref().is_waiting()? {
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Resolves once nobody can read any more.
    pub(crate) async fn closed(&self) {
        let closed = match self {
            Self::File(_) => std::future::pending().await,
            Self::Pipe(pipe) => pipe.ready(Interest::ERROR).await.map(drop),
            Self::Socket(socket) => hung_up(socket).await,
        };
        if let Err(error) = closed {
            tracing::debug!("output: {error}");
        }
    }
}

/// Resolves once a socket is closed at its other end. That nothing more comes from there is not the
/// same: the journal's sockets are for one direction only.
async fn hung_up(socket: &AsyncFd<Socket>) -> io::Result<()> {
    loop {
        let mut ready = socket.ready(Interest::READABLE).await?;
        if is_hung_up(&socket.get_ref().fd)? {
            return Ok(());
        }
        if ready.ready().is_read_closed() {
            // There is nothing more to wait for. Writing will tell.
            std::future::pending::<()>().await;
        }
        ready.clear_ready();
    }
}

fn is_hung_up(fd: &OwnedFd) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: one descriptor to ask about.
    if unsafe { libc::poll(&raw mut poll, 1, 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(poll.revents & (libc::POLLHUP | libc::POLLERR) != 0)
}

/// The lines that are written whole or not at all: a pipe takes up to `PIPE_BUF` so (`pipe(7)`),
/// and a socket what fits one buffer.
fn atomic_part(bytes: &[u8]) -> &[u8] {
    let limit = bytes.len().min(libc::PIPE_BUF);
    let newline = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
    let end = newline(&bytes[..limit])
        .or_else(|| bytes.iter().position(|byte| *byte == b'\n'))
        .map_or(bytes.len(), |at| at + 1);
    &bytes[..end]
}

impl Socket {
    fn new(fd: OwnedFd) -> io::Result<Self> {
        let limit = if option(&fd, libc::SO_DOMAIN)? == libc::AF_UNIX {
            let size = usize::try_from(option(&fd, libc::SO_SNDBUF)?).unwrap_or(0);
            Some((size - size / RESERVED_PART).min(ARREARS))
        } else {
            None
        };
        Ok(Self { fd, limit })
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(limit) = self.limit
            && self.waiting()? >= limit
        {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // SAFETY: the buffer has the length given.
        let sent = unsafe {
            libc::send(
                self.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// Whether something has not been read yet.
    fn is_waiting(&self) -> io::Result<bool> {
        Ok(self.limit.is_some() && self.waiting()? > 0 && !is_hung_up(&self.fd)?)
    }

    /// How much of the buffer is taken by what has not been read yet.
    fn waiting(&self) -> io::Result<usize> {
        let mut taken: libc::c_int = 0;
        // SAFETY: an int to write to.
        if unsafe { libc::ioctl(self.as_raw_fd(), libc::TIOCOUTQ, &raw mut taken) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(usize::try_from(taken).unwrap_or(0))
    }
}

/// An option of a socket that is an int, socket(7).
fn option(fd: &OwnedFd, name: libc::c_int) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: an int and its size to write to.
    let asked = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    if asked == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::atomic_part;

    #[test]
    fn lines_are_written_whole_as_many_as_fit() {
        let line = [&[b'x'; 1499][..], b"\n"].concat();
        assert_eq!(atomic_part(&line.repeat(2)).len(), 3000);
        assert_eq!(atomic_part(&line.repeat(5)).len(), 3000);
        assert_eq!(atomic_part(b"").len(), 0);
    }

    #[test]
    fn a_line_that_does_not_fit_is_written_by_itself() {
        let line = [&[b'x'; 4999][..], b"\n"].concat();
        assert_eq!(atomic_part(&line.repeat(2)).len(), 5000);
    }
}
