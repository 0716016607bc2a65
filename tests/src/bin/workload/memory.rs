//! Memory for calls to read and write, some of it with something the matter. It is never freed, and
//! lies where the calls can reach it: below 2 GiB for those of 32-bit and x32 programs.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::ptr;
use std::slice;
use std::sync::{Mutex, PoisonError};

use sigtrace_tests::kernel::page_size;

use crate::abi;

/// In the first 2 GiB (`arch/x86/include/uapi/asm/mman.h`).
const MAP_32BIT: i32 = 0x40;

/// `object`, where calls can reach it.
pub(crate) fn keep<T>(object: T) -> *mut T {
    let place = take(size_of::<T>()).cast::<T>();
    assert!(place.is_aligned());
    // SAFETY: memory of that size which nobody else has.
    unsafe { place.write(object) };
    place
}

/// `bytes`, where calls can reach them.
pub(crate) fn keep_bytes(bytes: &[u8]) -> *mut u8 {
    let place = take(bytes.len());
    // SAFETY: memory of that size which nobody else has.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
    place
}

/// Memory of this size for one object.
fn take(size: usize) -> *mut u8 {
    const ROOM: usize = 1 << 20;
    /// What is left of the memory taken last.
    static LEFT: Mutex<&mut [u8]> = Mutex::new(&mut []);

    if !abi::is_foreign() {
        return Box::leak(vec![0_u64; size.div_ceil(8)].into_boxed_slice()).as_mut_ptr().cast();
    }
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    let size = size.next_multiple_of(8);
    if left.len() < size {
        // SAFETY: a fresh mapping that is never unmapped.
        unsafe {
            let room = map(ROOM, libc::PROT_READ | libc::PROT_WRITE, -1);
            *left = slice::from_raw_parts_mut(room, ROOM);
        }
    }
    let (taken, rest) = std::mem::take(&mut *left).split_at_mut(size);
    *left = rest;
    taken.as_mut_ptr()
}

/// `bytes` at the very end of a page behind which there is nothing.
pub(crate) fn at_page_end(bytes: &[u8]) -> *mut u8 {
    // SAFETY: fresh mappings, written within their bounds; they are never unmapped.
    unsafe {
        let pages = map(2 * page_size(), libc::PROT_READ | libc::PROT_WRITE, -1);
        // It stays mapped, so that nothing else gets there.
        assert_eq!(libc::mprotect(pages.add(page_size()).cast(), page_size(), libc::PROT_NONE), 0);
        let start = pages.add(page_size() - bytes.len());
        ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len());
        start
    }
}

/// `bytes` in memory that cannot be written.
pub(crate) fn read_only(bytes: &[u8]) -> *const u8 {
    // SAFETY: a fresh mapping, written within its bounds while it can be.
    unsafe {
        let page = map(page_size(), libc::PROT_READ | libc::PROT_WRITE, -1);
        ptr::copy_nonoverlapping(bytes.as_ptr(), page, bytes.len());
        assert_eq!(libc::mprotect(page.cast(), page_size(), libc::PROT_READ), 0);
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
    unsafe { map(page_size(), libc::PROT_READ | libc::PROT_WRITE, file.as_raw_fd()) }
}

/// A page that can be written but has never been, so that nothing stands behind it yet.
pub(crate) fn untouched() -> *mut u8 {
    untouched_pages(1)
}

/// So many of them in a row.
pub(crate) fn untouched_pages(count: usize) -> *mut u8 {
    // SAFETY: a fresh mapping.
    unsafe { map(count * page_size(), libc::PROT_READ | libc::PROT_WRITE, -1) }
}

unsafe fn map(length: usize, protection: i32, fd: i32) -> *mut u8 {
    let flags = libc::MAP_PRIVATE
        | if fd < 0 { libc::MAP_ANONYMOUS } else { 0 }
        | if abi::is_foreign() { MAP_32BIT } else { 0 };
    // SAFETY: the kernel chooses the place.
    let page = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, fd, 0) };
    assert_ne!(page, libc::MAP_FAILED, "cannot map memory");
    page.cast()
}

/// The bytes of a set.
pub(crate) fn bytes(set: u64) -> [u8; 8] {
    set.to_ne_bytes()
}
