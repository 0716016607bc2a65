//! Limits that kill who goes beyond them.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::ptr;

use sigtrace_tests::death::Death;

use super::victim::Victim;
use crate::process::until;

/// Sets the soft and the hard limit. The type of its number is the library's.
fn set_limit(resource: impl Into<i64>, soft: u64, hard: u64) {
    let limit = [soft, hard];
    let no_limit = ptr::null_mut::<u64>();
    // SAFETY: a limit to read from.
    let done =
        unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource.into(), limit.as_ptr(), no_limit) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

fn work() -> i32 {
    loop {
        std::hint::spin_loop();
    }
}

fn use_up(hard: u64, signal: i32, name: &str) {
    let mut worker = Victim::new(|| {
        set_limit(libc::RLIMIT_CPU, 1, hard);
        work()
    });
    Death::of(worker.pid, name).cause("cpu_limit").write();
    worker.go();
    worker.dies_of(signal);
}

/// The soft limit, of which a signal tells that kills who does not expect it.
pub(super) fn cpu() {
    use_up(60, libc::SIGXCPU, "SIGXCPU");
}

/// The hard limit.
pub(super) fn cpu_for_good() {
    use_up(1, libc::SIGKILL, "SIGKILL");
}

pub(super) fn file_size() {
    let mut writer = Victim::new(|| {
        set_limit(libc::RLIMIT_FSIZE, 1, 1);
        let mut file = File::create("/run/day-file").unwrap_or_else(|error| panic!("{error}"));
        i32::from(file.write_all(b"!!").and_then(|()| file.write_all(b"!!")).is_err())
    });
    Death::of(writer.pid, "SIGXFSZ").cause("file_size_limit").write();
    writer.go();
    writer.dies_of(libc::SIGXFSZ);
}

/// A service that uses more and more memory once there is this file.
pub(super) fn hungry(cue: &str) {
    until(|| Path::new(cue).exists());
    let mut memory = Vec::new();
    loop {
        memory.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}
