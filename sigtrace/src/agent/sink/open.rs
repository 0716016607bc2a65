//! Opening the file of `--output`: as root, nothing that somebody else can have put there, or can change.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    mem::MaybeUninit,
    os::{
        fd::AsRawFd as _,
        unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    },
    path::Path,
};

/// Opening a FIFO must not wait for its reader, and no terminal become ours.
const FLAGS: libc::c_int = libc::O_NONBLOCK | libc::O_NOCTTY;
/// Whoever creates it, nobody else may read it: events tell where programs keep their handlers.
const MODE: u32 = 0o600;
/// Group and others may write.
const WRITABLE: u32 = 0o022;
/// Who may write to a directory may put files there, and only their owners may remove them.
const STICKY: u32 = 0o1000;

/// Why a file is not written to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The kernel does not open it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a symbolic link.
    #[error("it is a symbolic link; name the file it points to")]
    Link,
    /// It has these permissions.
    #[error("others can write to it (mode {0:04o}); run chmod go-w on it, or name another file")]
    Writable(u32),
    /// It has so many names.
    #[error("it has {0} names, and whoever gave it one may know it by another; remove it first")]
    HardLinks(u64),
    /// It is this user's.
    #[error("it belongs to user {0}; name a file owned by root or by you")]
    Foreign(u32),
    /// It is a FIFO that this user has put where many can.
    #[error(
        "it is a FIFO of user {0} in a directory that others can write to, so that user may have put it \
         there to read or to hold up the events; name one of your own, or another directory"
    )]
    ForeignFifo(u32),
}

/// Opens a file to be written from its end on if `append`, or emptied, or created. What is neither a
/// regular file nor a FIFO, such as a terminal, is opened as it is.
pub(super) fn open(path: &Path, append: bool) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.write(true).append(append);
    let file = match options
        .clone()
        .create(true)
        .mode(MODE)
        .custom_flags(FLAGS | libc::O_NOFOLLOW)
        .open(path)
    {
        Err(error) if is_link(path) && error.raw_os_error() == Some(libc::ELOOP) => {
            open_descriptor(path, options.custom_flags(FLAGS))?
        }
        Err(error) if error.raw_os_error() == Some(libc::EACCES) => {
            // With fs.protected_fifos set, the kernel refuses the same, but does not say why.
            if let Ok(metadata) = fs::symlink_metadata(path) {
                check_fifo(path, &metadata)?;
            }
            return Err(error.into());
        }
        opened => opened?,
    };
    let metadata = file.metadata()?;
    check_fifo(path, &metadata)?;
    if metadata.is_file() {
        check_owner(&metadata)?;
        if metadata.nlink() > 1 {
            return Err(OpenError::HardLinks(metadata.nlink()));
        }
        let mode = metadata.mode() & 0o7777;
        if mode & WRITABLE != 0 {
            return Err(OpenError::Writable(mode));
        }
        if !append {
            file.set_len(0)?;
        }
    }
    Ok(file)
}

fn check_owner(metadata: &Metadata) -> Result<(), OpenError> {
    if metadata.uid() == 0 || metadata.uid() == own() {
        Ok(())
    } else {
        Err(OpenError::Foreign(metadata.uid()))
    }
}

/// Refuses a FIFO that another user has put into a directory for everybody, such as /tmp.
fn check_fifo(path: &Path, metadata: &Metadata) -> Result<(), OpenError> {
    if !metadata.file_type().is_fifo() {
        return Ok(());
    }
    let directory = fs::metadata(directory_of(path))?;
    if is_trap(metadata.uid(), own(), directory.uid(), directory.mode()) {
        Err(OpenError::ForeignFifo(metadata.uid()))
    } else {
        Ok(())
    }
}

/// Whether a FIFO of user `owner` may be one that whoever named it does not expect. This is what the
/// kernel refuses with `fs.protected_fifos=2` (`may_create_in_sticky`, fs/namei.c), which not every
/// distribution sets, and which 0 switches off. Unlike a regular file, a FIFO in any other directory may
/// be another user's: a log shipper that does not run as root has one of its own, in a directory of its
/// own.
fn is_trap(owner: u32, own: u32, directory_owner: u32, directory_mode: u32) -> bool {
    let is_for_everybody = directory_mode & STICKY != 0 && directory_mode & WRITABLE != 0;
    is_for_everybody && owner != own && owner != directory_owner
}

/// The user as whom we open files.
fn own() -> u32 {
    // SAFETY: plain system call.
    unsafe { libc::geteuid() }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

/// Opens what a link of proc(5) leads to, such as `/dev/fd/63`, which is what a shell has in the place
/// of `>(jq)`: it is open already, and nobody else can put such a link there.
fn open_descriptor(path: &Path, options: &OpenOptions) -> Result<File, OpenError> {
    let Some(name) = path.file_name() else { return Err(OpenError::Link) };
    let directory = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_DIRECTORY)
        .open(directory_of(path))?;
    if !is_of_proc(&directory)? {
        return Err(OpenError::Link);
    }
    // By the directory that was looked at.
    let directory = format!("/proc/self/fd/{}", directory.as_raw_fd());
    Ok(options.open(Path::new(&directory).join(name))?)
}

fn is_of_proc(directory: &File) -> io::Result<bool> {
    let mut found = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: a structure to write to.
    let found = unsafe {
        if libc::fstatfs(directory.as_raw_fd(), found.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        found.assume_init()
    };
    // Their types are not the same in every C library.
    Ok(i128::from(found.f_type) == i128::from(libc::PROC_SUPER_MAGIC))
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::fs::PermissionsExt as _, os::unix::fs::symlink};

    use super::*;

    /// A directory with a file that has something in it, which has this mode.
    fn file(mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events");
        fs::write(&path, "before\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (directory, path)
    }

    fn written(path: &Path, append: bool) -> String {
        open(path, append).unwrap().write_all(b"now\n").unwrap();
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_file_is_emptied_or_appended_to() {
        let (_directory, path) = file(0o644);
        assert_eq!(written(&path, true), "before\nnow\n");
        assert_eq!(written(&path, false), "now\n");
    }

    #[test]
    fn a_new_file_is_for_its_owner() {
        let (directory, _) = file(0o644);
        for append in [false, true] {
            let path = directory.path().join(format!("new-{append}"));
            assert_eq!(written(&path, append), "now\n");
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_others_may_write_is_refused_and_kept() {
        for mode in [0o620, 0o602, 0o666] {
            let (_directory, path) = file(mode);
            for append in [false, true] {
                assert_eq!(
                    open(&path, append).unwrap_err().to_string(),
                    format!(
                        "others can write to it (mode 0{mode:o}); run chmod go-w on it, or name \
                         another file"
                    )
                );
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), "before\n");
        }
    }

    #[test]
    fn a_file_with_another_name_is_refused_and_kept() {
        let (directory, path) = file(0o600);
        fs::hard_link(&path, directory.path().join("other")).unwrap();
        assert_eq!(
            open(&path, false).unwrap_err().to_string(),
            "it has 2 names, and whoever gave it one may know it by another; remove it first"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "before\n");
    }

    #[test]
    fn a_link_is_refused_wherever_it_leads() {
        let (directory, path) = file(0o600);
        let new = directory.path().join("new");
        for target in [&path, &new] {
            let link = directory.path().join("link");
            symlink(target, &link).unwrap();
            assert_eq!(
                open(&link, false).unwrap_err().to_string(),
                "it is a symbolic link; name the file it points to"
            );
            fs::remove_file(link).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "before\n");
        assert!(!new.exists());
    }

    #[test]
    fn a_descriptor_is_opened_by_its_link_of_proc() {
        let (mut reader, writer) = io::pipe().unwrap();
        for directory in ["/proc/self/fd", "/dev/fd"] {
            let path = Path::new(directory).join(writer.as_raw_fd().to_string());
            open(&path, false).unwrap().write_all(b"now\n").unwrap();
        }
        drop(writer);
        assert_eq!(io::read_to_string(&mut reader).unwrap(), "now\nnow\n");
    }

    #[test]
    fn a_fifo_is_a_trap_where_anybody_but_its_owner_may_have_expected_another() {
        let [root, me, other] = [0, 1000, 1001];
        for (owner, own, directory_owner, mode, expected) in [
            // As /tmp.
            (other, root, root, 0o1777, true),
            (other, me, root, 0o1777, true),
            (other, root, root, 0o1770, true),
            (root, root, root, 0o1777, false),
            (me, me, root, 0o1777, false),
            // Whose directory it is can do as he likes in it anyway.
            (root, me, root, 0o1777, false),
            (other, root, other, 0o1777, false),
            // As a service's directory of its own, and one that only its owner can write to.
            (other, root, root, 0o0755, false),
            (other, root, root, 0o1755, false),
            (other, root, root, 0o0777, false),
        ] {
            assert_eq!(
                is_trap(owner, own, directory_owner, mode),
                expected,
                "a FIFO of {owner} for {own} in a directory of {directory_owner} ({mode:04o})"
            );
        }
    }

    #[test]
    fn a_fifo_of_ones_own_is_opened_wherever_it_is() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let path = directory.path().join("fifo");
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: a string that outlives the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let mut reader =
            OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        open(&path, false).unwrap().write_all(b"now\n").unwrap();
        assert_eq!(io::read_to_string(&mut reader).unwrap(), "now\n");
    }

    #[test]
    fn a_device_is_opened_whoever_may_write_it() {
        assert!(open(Path::new("/dev/null"), false).is_ok());
        assert!(open(Path::new("/dev/null"), true).is_ok());
    }
}
