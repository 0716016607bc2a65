//! A file that has lines as a whole, even if there is no room for all of them.

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
    os::fd::AsRawFd as _,
};

/// A regular file, or a device that is always ready.
#[derive(Debug)]
pub(crate) struct LineFile {
    file: File,
    /// Whether the kernel writes at its end, wherever that is (`O_APPEND`).
    appends: bool,
}

impl LineFile {
    /// Of a file that is open to be written.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        // SAFETY: plain system call.
        let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
        if flags < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { file, appends: flags & libc::O_APPEND != 0 })
    }

    /// Writes lines, and says how many bytes. If there is no room for all of them, these are lines as a
    /// whole, unless somebody else wrote to the file meanwhile: then the rest of the last one is to be
    /// written next.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let start = self.position();
        let (written, error) = self.write_some(bytes);
        let Some(error) = error else { return Ok(written) };
        let whole = bytes[..written].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let is_whole = written == whole
            || start.is_ok_and(|start| {
                let [from, to] = [whole, written].map(|count| start + count as u64);
                self.take_back(from, to).unwrap_or(false)
            });
        match if is_whole { whole } else { written } {
            0 => Err(error),
            count => Ok(count),
        }
    }

    /// Writes until there is an error: a full disk is one only after it has taken what it could.
    fn write_some(&self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut written = 0;
        while written < bytes.len() {
            match (&self.file).write(&bytes[written..]) {
                Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Some(error)),
            }
        }
        (written, None)
    }

    /// Where the next byte goes, unless somebody else writes to the file.
    fn position(&self) -> io::Result<u64> {
        if self.appends { Ok(self.file.metadata()?.len()) } else { (&self.file).stream_position() }
    }

    /// Takes the bytes between two positions back, if they are the last of the file and what we have just
    /// written. Says whether it has: others may append to the file, or have the descriptor, too, as the
    /// command has that writes to our standard output, and nothing of theirs must go.
    fn take_back(&self, from: u64, to: u64) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        if !metadata.is_file() || metadata.len() != to || (&self.file).stream_position()? != to {
            return Ok(false);
        }
        self.file.set_len(from)?;
        (&self.file).seek(SeekFrom::Start(from))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, fs::OpenOptions, path::Path};

    use super::*;

    /// A file to which `ab\ncd` was written, of which `cd` is no line yet.
    fn begun(path: &Path, append: bool) -> LineFile {
        fs::write(path, if append { "0\n" } else { "" }).unwrap();
        let file = OpenOptions::new().write(true).append(append).open(path).unwrap();
        let file = LineFile::new(file).unwrap();
        assert_eq!(file.write(b"ab\ncd").unwrap(), 5);
        file
    }

    #[test]
    fn what_was_begun_is_taken_back_and_written_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events");
        for (append, before) in [(false, ""), (true, "0\n")] {
            let (file, start) = (begun(&path, append), before.len() as u64);
            assert!(file.take_back(start + 3, start + 5).unwrap());
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{before}ab\n"));
            assert_eq!(file.write(b"cde\n").unwrap(), 4);
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{before}ab\ncde\n"));
        }
    }

    #[test]
    fn what_others_have_written_is_not_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events");
        // By the same descriptor, and by another.
        let file = begun(&path, false);
        file.file.try_clone().unwrap().write_all(b"theirs\n").unwrap();
        assert!(!file.take_back(3, 5).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "ab\ncdtheirs\n");
        let file = begun(&path, true);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"theirs\n").unwrap();
        assert!(!file.take_back(5, 7).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "0\nab\ncdtheirs\n");
    }

    #[test]
    fn no_room_is_an_error() {
        let file = File::options().write(true).open("/dev/full").unwrap();
        let error = LineFile::new(file).unwrap().write(b"ab\n").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
    }
}
