//! Signals that tell of what happens to descriptors and message queues.

use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;

use serde_json::{Value, json};

use super::{catch, fork, pipe, until_caught};
use crate::process::wait;

/// `F_SETSIG` (`include/uapi/asm-generic/fcntl.h`).
const F_SETSIG: libc::c_int = 10;

/// The value that comes with the message.
const VALUE: i32 = 5;

/// Children write to our pipe, of which we are told by a signal of our choice, to us and to our thread, and by
/// SIGIO, and put a message into our queue.
pub(super) fn all() -> Value {
    let chosen = libc::SIGRTMIN() + 1;
    let handler = [libc::SIGIO, libc::SIGUSR2, chosen].map(catch)[0].clone();
    let (mut reader, mut writer) = pipe();
    let fd = reader.as_raw_fd();
    // SAFETY: these touch no memory.
    unsafe {
        assert_eq!(libc::fcntl(fd, libc::F_SETOWN, libc::getpid()), 0);
        assert_eq!(libc::fcntl(fd, F_SETSIG, chosen), 0);
        assert_eq!(libc::fcntl(fd, libc::F_SETFL, libc::O_ASYNC), 0);
    }
    let mut write = |count| {
        let writer = fork(|| i32::from(writer.write_all(b"!").is_err()));
        assert_eq!(wait(writer), 0);
        until_caught(count);
        reader.read_exact(&mut [0]).unwrap_or_else(|error| panic!("{error}"));
        writer
    };
    let by_choice = write(1);
    // SAFETY: likewise.
    assert_eq!(unsafe { libc::fcntl(fd, F_SETSIG, 0) }, 0);
    let by_default = write(2);
    // Or else we were told of the end of the other end, too.
    drop(reader);
    let by_message = message();
    until_caught(3);
    json!({ "handler": handler, "fd": fd, "by_choice": by_choice, "by_default": by_default,
        "by_message": by_message, "value": VALUE })
}

/// A child puts one into a queue of which we want to know.
fn message() -> i32 {
    // SAFETY: all zeroes are one.
    let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
    event.sigev_signo = libc::SIGUSR2;
    event.sigev_notify = libc::SIGEV_SIGNAL;
    event.sigev_value.sival_ptr = std::ptr::without_provenance_mut(VALUE as usize);
    // SAFETY: a name, an event and a message to read from; no attributes and no time.
    unsafe {
        let flags = libc::O_CREAT | libc::O_RDWR;
        let queue = libc::syscall(libc::SYS_mq_open, c"causes".as_ptr(), flags, 0o600, 0_usize);
        assert!(queue >= 0, "{}", std::io::Error::last_os_error());
        assert_eq!(libc::syscall(libc::SYS_mq_notify, queue, &raw const event), 0);
        let sender = fork(|| {
            libc::syscall(libc::SYS_mq_timedsend, queue, c"!".as_ptr(), 1, 0, 0_usize) as i32
        });
        assert_eq!(wait(sender), 0);
        assert_eq!(libc::syscall(libc::SYS_mq_unlink, c"causes".as_ptr()), 0);
        sender
    }
}
