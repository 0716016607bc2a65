//! Memory that is not there before it is given: whoever touches it sleeps until then
//! (userfaultfd(2)).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _};

use sigtrace_tests::kernel::page_size;

use crate::memory::untouched_pages;
use crate::pointer::address;

/// Requests, the size of their structure in the upper half, and other numbers of
/// `include/uapi/linux/userfaultfd.h`.
const UFFDIO_API: u32 = 0xc018_aa3f;
const UFFDIO_REGISTER: u32 = 0xc020_aa00;
const UFFDIO_COPY: u32 = 0xc028_aa03;
const UFFD_API: u64 = 0xaa;
const UFFDIO_REGISTER_MODE_MISSING: u64 = 1;
const UFFD_EVENT_PAGEFAULT: u8 = 0x12;

/// Bytes of a `struct uffd_msg`: the event first, the address of a page fault at 16.
const MESSAGE: usize = 32;

/// Pages, none of which is there.
pub(crate) struct Missing {
    pages: *mut u8,
    count: usize,
    /// Who asks for one is told of here, and waits.
    asked: File,
}

impl Missing {
    /// So many pages.
    pub(crate) fn new(count: usize) -> Self {
        // SAFETY: no memory is involved; the descriptor is nobody else's.
        let asked = unsafe {
            let fd = libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC);
            assert!(fd >= 0, "userfaultfd: {}", io::Error::last_os_error());
            File::from_raw_fd(fd as i32)
        };
        let this = Self { pages: untouched_pages(count), count, asked };
        // Version, features, requests.
        this.request(UFFDIO_API, &mut [UFFD_API, 0, 0]);
        let size = (count * page_size()) as u64;
        // Where, what for, requests.
        let mode = UFFDIO_REGISTER_MODE_MISSING;
        this.request(UFFDIO_REGISTER, &mut [this.page(0), size, mode, 0]);
        this
    }

    /// The address of a page.
    pub(crate) fn page(&self, index: usize) -> u64 {
        assert!(index < self.count);
        address(self.pages.wrapping_add(index * page_size()))
    }

    /// Waits until somebody has asked for each page.
    pub(crate) fn wait_until_all_are_asked_for(&self) {
        let mut messages = [0; 64 * MESSAGE];
        let mut asked = BTreeSet::new();
        while asked.len() < self.count {
            let length = (&self.asked).read(&mut messages);
            let length = length.unwrap_or_else(|error| panic!("userfaultfd: {error}"));
            for message in messages[..length].chunks(MESSAGE) {
                assert_eq!(message[0], UFFD_EVENT_PAGEFAULT);
                let mut address = [0; 8];
                address.copy_from_slice(&message[16..24]);
                asked.insert(u64::from_ne_bytes(address) / page_size() as u64);
            }
        }
    }

    /// Gives a page, which begins with these bytes, to who waits for it.
    pub(crate) fn give(&self, index: usize, bytes: &[u8]) {
        let mut page = vec![0; page_size()];
        page[..bytes.len()].copy_from_slice(bytes);
        // Where to, where from, how much, how, and how much it was.
        let mut copy = [self.page(index), address(page.as_ptr()), page_size() as u64, 0, 0];
        self.request(UFFDIO_COPY, &mut copy);
        assert_eq!(copy[4], page_size() as u64);
    }

    /// ioctl(2). By number, as libraries do not agree on the type of the request.
    fn request(&self, request: u32, argument: &mut [u64]) {
        assert_eq!(request >> 16 & 0x3fff, size_of_val(argument) as u32);
        let fd = self.asked.as_raw_fd();
        // SAFETY: the structure has the size that the request names.
        let done = unsafe { libc::syscall(libc::SYS_ioctl, fd, request, argument.as_mut_ptr()) };
        assert_eq!(done, 0, "userfaultfd, {request:#x}: {}", io::Error::last_os_error());
    }
}
