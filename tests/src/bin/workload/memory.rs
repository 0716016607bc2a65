//! Memory with something the matter.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::ptr;

/// Bytes of a page.
const PAGE: usize = 4096;

/// `bytes` at the very end of a page behind which there is nothing.
pub(crate) fn at_page_end(bytes: &[u8]) -> *mut u8 {
    // SAFETY: fresh mappings, written within their bounds; they are never unmapped.
    unsafe {
        let pages = map(2 * PAGE, libc::PROT_READ | libc::PROT_WRITE, -1);
        assert_eq!(libc::munmap(pages.add(PAGE).cast(), PAGE), 0);
        let start = pages.add(PAGE - bytes.len());
        ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len());
        start
    }
}

/// `bytes` in memory that cannot be written.
pub(crate) fn read_only(bytes: &[u8]) -> *const u8 {
    // SAFETY: a fresh mapping, written within its bounds while it can be.
    unsafe {
        let page = map(PAGE, libc::PROT_READ | libc::PROT_WRITE, -1);
        ptr::copy_nonoverlapping(bytes.as_ptr(), page, bytes.len());
        assert_eq!(libc::mprotect(page.cast(), PAGE, libc::PROT_READ), 0);
        page
    }
}

/// `bytes` in a mapped file that nobody has touched, so that no page of it is resident.
pub(crate) fn not_resident(bytes: &[u8]) -> *mut u8 {
    let path = std::env::temp_dir().join(format!("untouched-{}", std::process::id()));
    let file = File::create(&path).and_then(|mut file| file.write_all(bytes));
    file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let _ = fs::remove_file(&path);
    // SAFETY: a fresh mapping; private, so that it can be written though the file cannot.
    unsafe { map(PAGE, libc::PROT_READ | libc::PROT_WRITE, file.as_raw_fd()) }
}

/// A page that can be written but has never been, so that nothing stands behind it yet.
pub(crate) fn untouched() -> *mut u8 {
    // SAFETY: a fresh mapping.
    unsafe { map(PAGE, libc::PROT_READ | libc::PROT_WRITE, -1) }
}

unsafe fn map(length: usize, protection: i32, fd: i32) -> *mut u8 {
    let flags = libc::MAP_PRIVATE | if fd < 0 { libc::MAP_ANONYMOUS } else { 0 };
    // SAFETY: the kernel chooses the place.
    let page = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, fd, 0) };
    assert_ne!(page, libc::MAP_FAILED, "cannot map memory");
    page.cast()
}

/// The bytes of words.
pub(crate) fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
