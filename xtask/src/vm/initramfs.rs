//! The initial file system of a guest: a newc archive, in a file that no name points to.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Seek as _, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use cpio::newc::{Builder, ModeFileType, trailer};

/// Builds the archive, one entry at a time.
pub(crate) struct Initramfs<W: Write> {
    out: W,
    directories: BTreeSet<String>,
    /// Inode numbers tell entries apart; the kernel would take equal ones for hard links.
    inode: u32,
}

impl<W: Write> Initramfs<W> {
    /// An empty archive that goes to `out`.
    pub(crate) fn new(out: W) -> Self {
        Self { out, directories: BTreeSet::new(), inode: 0 }
    }

    /// Adds a directory and those above it, once.
    pub(crate) fn directory(&mut self, path: &str) -> Result<()> {
        let path = path.trim_matches('/');
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let part = &path[..end];
            if !part.is_empty() && self.directories.insert(part.into()) {
                self.entry(part, ModeFileType::Directory, 0o755, b"")?;
            }
        }
        Ok(())
    }

    /// Adds a file with the directories it is in.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.parent(path)?;
        self.entry(path.trim_start_matches('/'), ModeFileType::Regular, mode, content)
    }

    /// Adds a copy of a file of this machine.
    pub(crate) fn copy(&mut self, host: &Path, path: &str, mode: u32) -> Result<()> {
        let content = fs::read(host).with_context(|| format!("reading {}", host.display()))?;
        self.file(path, mode, &content)
    }

    /// Adds a symbolic link with the directories it is in.
    pub(crate) fn symlink(&mut self, path: &str, target: &str) -> Result<()> {
        self.parent(path)?;
        let path = path.trim_start_matches('/');
        self.entry(path, ModeFileType::Symlink, 0o777, target.as_bytes())
    }

    /// Writes the end of the archive and gives back what it was written to.
    pub(crate) fn finish(self) -> Result<W> {
        Ok(trailer(self.out)?)
    }

    fn parent(&mut self, path: &str) -> Result<()> {
        path.rsplit_once('/').map_or(Ok(()), |(parent, _)| self.directory(parent))
    }

    fn entry(&mut self, path: &str, kind: ModeFileType, mode: u32, content: &[u8]) -> Result<()> {
        self.inode += 1;
        let size = u32::try_from(content.len()).with_context(|| format!("{path}: over 4 GB"))?;
        let entry = Builder::new(path).ino(self.inode).mode(mode).set_mode_file_type(kind);
        // By reference, as the writer for one entry takes what it writes to.
        let mut writer = entry.write(&mut self.out, size);
        writer.write_all(content)?;
        writer.finish()?;
        Ok(())
    }
}

/// Fills an archive and puts it into a file without a name, read from its start: whatever happens
/// to xtask, nothing is left behind.
pub(crate) fn unnamed(
    fill: impl FnOnce(&mut Initramfs<BufWriter<File>>) -> Result<()>,
) -> Result<File> {
    let file = tempfile::tempfile().context("creating a temporary file for the guest's files")?;
    let mut archive = Initramfs::new(BufWriter::new(file));
    fill(&mut archive)?;
    let mut file = archive.finish()?.into_inner()?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpio::NewcReader;
    use std::io::Read as _;

    /// Name, mode and content of every entry.
    fn entries(mut archive: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut all = Vec::new();
        loop {
            let mut reader = NewcReader::new(archive).unwrap();
            let entry = reader.entry().clone();
            if entry.is_trailer() {
                return all;
            }
            let mut content = Vec::new();
            reader.read_to_end(&mut content).unwrap();
            all.push((entry.name().into(), entry.mode(), content));
            archive = reader.finish().unwrap();
        }
    }

    #[test]
    fn files_come_after_their_directories_which_come_once() {
        let mut archive = Initramfs::new(Vec::new());
        archive.file("/payload/a/x", 0o755, b"one").unwrap();
        archive.file("/payload/y", 0o644, b"").unwrap();
        archive.symlink("/init", "payload/y").unwrap();
        let entries = entries(&archive.finish().unwrap());
        let names: Vec<_> = entries.iter().map(|e| e.0.as_str()).collect();
        assert_eq!(names, ["payload", "payload/a", "payload/a/x", "payload/y", "init"]);
        let modes: Vec<_> = entries.iter().map(|e| e.1).collect();
        assert_eq!(modes, [0o40755, 0o40755, 0o100755, 0o100644, 0o120777]);
        assert_eq!(entries[2].2, b"one");
        assert_eq!(entries[4].2, b"payload/y");
    }
}
