//! A read from a signalfd by io_uring, which makes no call of read for it.

use std::io;
use std::os::unix::process::parent_id;
use std::process;

use io_uring::{IoUring, opcode, types::Fd};
use sigtrace_tests::names::bits;

/// Bytes of a `struct signalfd_siginfo`.
const SIZE: u32 = 128;

/// `io_uring`: sends itself SIGUSR2 and reads it. Prints its process id, and its parent's.
pub(crate) fn run(_: &[String]) {
    let mask = bits(&[libc::SIGUSR2]);
    // SAFETY: a set to read from; the others have no pointers.
    let signalfd = unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, &raw const mask, 0, 8);
        libc::kill(libc::getpid(), libc::SIGUSR2);
        libc::syscall(libc::SYS_signalfd4, -1, &raw const mask, 8, 0)
    };
    let signalfd = i32::try_from(signalfd).unwrap_or(-1);
    let read = read(signalfd).unwrap_or_else(|error| panic!("cannot read: {error}"));
    assert_eq!(read, SIZE);
    println!("{} {}", process::id(), parent_id());
}

/// How many bytes were read.
fn read(fd: i32) -> io::Result<u32> {
    let mut ring = IoUring::new(2)?;
    let mut buffer = [0_u8; SIZE as usize];
    let entry = opcode::Read::new(Fd(fd), buffer.as_mut_ptr(), SIZE).build();
    // SAFETY: the buffer is there until the read has been completed.
    unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
    ring.submit_and_wait(1)?;
    let completed = ring.completion().next().ok_or(io::ErrorKind::NotFound)?;
    u32::try_from(completed.result()).map_err(|_| io::Error::from_raw_os_error(-completed.result()))
}
