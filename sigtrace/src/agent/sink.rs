//! Where lines go: written without ever blocking, so that a reader who has stopped reading cannot
//! keep the agent from stopping, and so that it is known to the byte how much arrived.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    },
    path::Path,
};

use tokio::io::{Interest, unix::AsyncFd};

use super::readiness::register;

/// An output.
#[derive(Debug)]
pub(crate) enum Sink {
    /// A regular file, or a device that is always ready.
    File(File),
    /// A pipe or a terminal, opened anew in non-blocking mode: the mode of the descriptor we were
    /// given is shared with whoever gave it to us.
    Pipe(AsyncFd<File>),
    /// A socket, such as the journal's. It cannot be opened anew, but asked not to block.
    Socket(AsyncFd<OwnedFd>),
}

impl Sink {
    /// Our standard output. Needs a tokio runtime.
    pub(crate) fn stdout() -> io::Result<Self> {
        Self::new(io::stdout().as_fd().try_clone_to_owned()?)
    }

    /// A file, created or emptied, for nobody else to read: events tell where programs keep their
    /// handlers. Needs a tokio runtime.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        // Opening a FIFO must not wait for its reader.
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)?;
        Self::new(OwnedFd::from(file))
    }

    fn new(fd: OwnedFd) -> io::Result<Self> {
        let file = File::from(fd);
        let kind = file.metadata()?.file_type();
        let interest = Interest::WRITABLE | Interest::ERROR;
        if kind.is_socket() {
            let interest = interest | Interest::READABLE;
            return Ok(Self::Socket(register(OwnedFd::from(file), interest)?));
        }
        if kind.is_fifo() || kind.is_char_device() {
            let anew = OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
                .open(format!("/proc/self/fd/{}", file.as_raw_fd()))
                .and_then(|file| register(file, interest));
            match anew {
                Ok(pipe) => return Ok(Self::Pipe(pipe)),
                // A device that is always ready, such as /dev/null.
                Err(error) if kind.is_char_device() => tracing::debug!("output: {error}"),
                Err(error) => {
                    tracing::warn!(
                        "output: cannot open the pipe anew: {error}; whoever stops reading it stops \
                         sigtrace, too"
                    );
                }
            }
        }
        Ok(Self::File(file))
    }

    /// Writes some of `bytes`, which are lines, and says how many. Nothing is written if the future
    /// is dropped. Who reads a pipe or a socket gets whole lines, even if we give up on it.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lines = atomic_part(bytes);
        match self {
            Self::File(file) => file.write(bytes),
            Self::Pipe(pipe) => {
                pipe.async_io(Interest::WRITABLE, |file| (&*file).write(lines)).await
            }
            Self::Socket(socket) => socket.async_io(Interest::WRITABLE, |fd| send(fd, lines)).await,
        }
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
async fn hung_up(socket: &AsyncFd<OwnedFd>) -> io::Result<()> {
    loop {
        let mut ready = socket.ready(Interest::READABLE).await?;
        if is_hung_up(socket.get_ref())? {
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

/// The lines that are written whole or not at all: a pipe takes up to `PIPE_BUF` so (`pipe(7)`), and a
/// socket what fits one buffer.
fn atomic_part(bytes: &[u8]) -> &[u8] {
    let limit = bytes.len().min(libc::PIPE_BUF);
    let newline = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
    let end = newline(&bytes[..limit])
        .or_else(|| bytes.iter().position(|byte| *byte == b'\n'))
        .map_or(bytes.len(), |at| at + 1);
    &bytes[..end]
}

fn send(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the buffer has the length given.
    let sent = unsafe {
        libc::send(
            fd.as_fd().as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
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
