//! Processes that send one signal and are gone, each having come to be what it is in another way.

use std::fs;
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::thread;

const OURSELVES: &str = "/payload/workload";

/// `send PID SIGNAL [ANYTHING]...`: sends it.
pub(crate) fn send(arguments: &[String]) {
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse::<i32>().ok());
    let (Some(pid), Some(signal)) = (number(0), number(1)) else { panic!("to whom, and what?") };
    // SAFETY: no memory is involved.
    unsafe { libc::kill(pid, signal) };
}

/// `send-by-thread PID SIGNAL`: a thread that is not the first one executes what does that.
pub(crate) fn by_thread(arguments: &[String]) {
    let arguments = arguments.to_vec();
    let exec = move || panic!("{}", Command::new(OURSELVES).arg("send").args(arguments).exec());
    let _ = thread::spawn(exec).join();
}

/// `send-from-memory PID SIGNAL`: executes what does that from a file that has no name.
pub(crate) fn from_memory(arguments: &[String]) {
    // SAFETY: a string that ends.
    let fd = unsafe { libc::memfd_create(c"nowhere".as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0, "memfd_create");
    // SAFETY: nobody else's.
    let mut file = unsafe { fs::File::from_raw_fd(fd) };
    let program = fs::read(OURSELVES).unwrap_or_else(|error| panic!("{error}"));
    file.write_all(&program).unwrap_or_else(|error| panic!("{error}"));
    // What somebody may write to cannot be executed.
    let again = fs::File::open(format!("/proc/self/fd/{fd}"));
    drop(file);
    let file = again.unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
    panic!("{}", command.arg0("memory").arg("send").args(arguments).exec());
}
