//! A read from a signalfd by io_uring, which makes no call of read for it.

use std::io;
use std::os::unix::process::parent_id;
use std::process;

use io_uring::{IoUring, opcode, types::Fd};
use sigtrace_tests::names::bits;

/// Bytes of a `struct signalfd_siginfo`.
const SIZE: u32 = 128;

/// `io_uring early|late|never`: sends itself SIGUSR2 and reads it; or reads before it sends it, from a signalfd
/// that is not to block, which io_uring waits for nonetheless; or reads without and asks for not to wait.
/// Prints its process id, and its parent's.
pub(crate) fn run(arguments: &[String]) {
    let when = arguments.first().map_or("early", String::as_str);
    let mask = bits(&[libc::SIGUSR2]);
    let flags = if when == "late" { libc::SFD_NONBLOCK } else { 0 };
    // SAFETY: a set to read from; the others have no pointers.
    let signalfd = unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, &raw const mask, 0, 8);
        libc::syscall(libc::SYS_signalfd4, -1, &raw const mask, 8, flags)
    };
    let signalfd = i32::try_from(signalfd).unwrap_or(-1);
    if when == "early" {
        send();
    }
    let read = read(signalfd, when);
    match read.map_err(|error| error.raw_os_error()) {
        Ok(SIZE) if when != "never" => {}
        Err(Some(libc::EAGAIN)) if when == "never" => {}
        other => panic!("{when}: {other:?}"),
    }
    println!("{} {}", process::id(), parent_id());
}

fn send() {
    // SAFETY: no memory is involved.
    unsafe { libc::kill(libc::getpid(), libc::SIGUSR2) };
}

/// How many bytes were read.
fn read(fd: i32, when: &str) -> io::Result<u32> {
    let mut ring = IoUring::new(2)?;
    let mut buffer = [0_u8; SIZE as usize];
    let flags = if when == "never" { libc::RWF_NOWAIT } else { 0 };
    let entry = opcode::Read::new(Fd(fd), buffer.as_mut_ptr(), SIZE).rw_flags(flags).build();
    // SAFETY: the buffer is there until the read has been completed.
    unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
    if when == "late" {
        ring.submit()?;
        send();
    }
    ring.submit_and_wait(1)?;
    let completed = ring.completion().next().ok_or(io::ErrorKind::NotFound)?;
    u32::try_from(completed.result()).map_err(|_| io::Error::from_raw_os_error(-completed.result()))
}
