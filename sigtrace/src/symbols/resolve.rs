//! One question, in a process that exists for it alone.

use std::{
    ffi::CString,
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::fs::MetadataExt as _,
    },
};

use blazesym::symbolize::{
    Input, Symbolizer,
    source::{Elf, Source},
};

use super::{Question, mounts};

/// No larger file is looked into.
const MAX_FILE: u64 = 1 << 30;

/// No longer name is told: a C++ one can be.
pub(super) const MAX_NAME: usize = 512;

/// The function that is asked for, and how far into it that is.
pub(super) fn symbol(question: &Question<'_>) -> Option<(String, u64)> {
    let mountinfo = fs::read("/proc/self/mountinfo").ok()?;
    if !mounts::are_local(&mountinfo, question.path) {
        return None;
    }
    let file = open(question).ok()?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let symbolizer =
        Symbolizer::builder().enable_code_info(false).enable_inlined_fns(false).build();
    let mut elf = Elf::new(path);
    elf.debug_syms = false;
    let found =
        symbolizer.symbolize_single(&Source::Elf(elf), Input::FileOffset(question.offset)).ok()?;
    let symbol = found.into_sym()?;
    let mut name = symbol.name.into_owned();
    name.truncate(name.floor_char_boundary(MAX_NAME));
    Some((name, u64::try_from(symbol.offset).ok()?))
}

/// The file, if it is a regular one, and the one that is meant.
fn open(question: &Question<'_>) -> io::Result<File> {
    // First without opening it, which of a device does something, and of a FIFO waits.
    let found = open_path(question.path)?;
    let reopened = format!("/proc/self/fd/{}", found.as_raw_fd());
    let data = fs::metadata(&reopened)?;
    let is_it =
        data.is_file() && (data.dev(), data.ino()) == question.identity && data.len() <= MAX_FILE;
    if !is_it {
        return Err(io::Error::from_raw_os_error(libc::ESTALE));
    }
    File::open(reopened)
}

/// A descriptor for nothing but the path, which leads through no symbolic link.
fn open_path(path: &[u8]) -> io::Result<OwnedFd> {
    let path = CString::new(path).map_err(io::Error::other)?;
    // SAFETY: integers only, for which zero is a value.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = u64::from((libc::O_PATH | libc::O_CLOEXEC).cast_unsigned());
    how.resolve = libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS;
    // SAFETY: a string and a structure of that size.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_openat2,
            libc::AT_FDCWD,
            path.as_ptr(),
            &raw const how,
            size_of::<libc::open_how>(),
        )
    };
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that is ours alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::{ffi::OsStrExt as _, fs::symlink};

    use super::*;

    /// This test, which has symbols.
    fn own() -> (Vec<u8>, (u64, u64)) {
        let path = fs::canonicalize("/proc/self/exe").unwrap();
        let data = fs::metadata(&path).unwrap();
        (path.as_os_str().as_bytes().to_vec(), (data.dev(), data.ino()))
    }

    #[test]
    fn a_file_that_is_another_one_is_not_looked_into() {
        let (path, identity) = own();
        let question = Question { number: 1, identity, offset: 0, path: &path };
        assert!(open(&question).is_ok());
        for identity in [(identity.0, identity.1 + 1), (identity.0 + 1, identity.1)] {
            assert!(open(&Question { identity, ..question }).is_err());
        }
    }

    #[test]
    fn neither_a_link_nor_a_directory_nor_a_fifo_is_looked_into() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        let (own, _) = own();
        symlink(std::ffi::OsStr::from_bytes(&own), root.join("link")).unwrap();
        let fifo = CString::new(root.join("fifo").as_os_str().as_bytes()).unwrap();
        // SAFETY: a string.
        assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
        for path in [root.join("link"), root.join("fifo"), root.clone()] {
            let data = fs::metadata(&path).unwrap();
            let path = path.as_os_str().as_bytes();
            let identity = (data.dev(), data.ino());
            assert!(open(&Question { number: 1, identity, offset: 0, path }).is_err());
        }
    }

    #[test]
    fn the_function_that_code_is_in_is_found_by_its_place_in_the_file() {
        let (path, identity) = own();
        let (address, offset) =
            place(the_function_that_code_is_in_is_found_by_its_place_in_the_file);
        let question = Question { number: 1, identity, offset, path: &path };
        let mountinfo = fs::read("/proc/self/mountinfo").unwrap();
        assert!(mounts::are_local(&mountinfo, &path), "the test is not on a disk");
        let (name, into) = symbol(&question).unwrap();
        let own = "the_function_that_code_is_in_is_found_by_its_place_in_the_file";
        assert!(name.contains(own), "{name} at {address:#x}");
        assert_eq!(into, 0);
        let within = Question { offset: offset + 3, ..question };
        assert_eq!(symbol(&within), Some((name, 3)));
    }

    /// The address of a function, and where it is in its file.
    fn place(function: fn()) -> (u64, u64) {
        let address = function as usize as u64;
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
        let offset = maps.lines().find_map(|line| {
            let mut words = line.split(' ');
            let (start, end) = words.next()?.split_once('-')?;
            let (start, end) = (number(start), number(end));
            let offset = number(words.nth(1)?);
            (start..end).contains(&address).then(|| address - start + offset)
        });
        (address, offset.unwrap())
    }

    #[test]
    fn what_is_no_program_has_no_functions() {
        let directory = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(directory.path()).unwrap().join("text");
        fs::write(&path, "\x7fELF, or so it says").unwrap();
        let data = fs::metadata(&path).unwrap();
        let path = path.as_os_str().as_bytes();
        let identity = (data.dev(), data.ino());
        assert_eq!(symbol(&Question { number: 1, identity, offset: 5, path }), None);
    }
}
