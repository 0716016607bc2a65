//! Who we are, by what the system says.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use sigtrace_tests::expect::Identity;

/// The calling thread.
pub(crate) fn own() -> Identity {
    let comm = fs::read("/proc/thread-self/comm").unwrap_or_default();
    let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
    // SAFETY: these calls touch no memory and cannot fail.
    let (pid, tid, ppid, uid, gid) = unsafe {
        (
            libc::getpid(),
            i32::try_from(libc::syscall(libc::SYS_gettid)).unwrap_or_default(),
            libc::getppid(),
            libc::getuid(),
            libc::getgid(),
        )
    };
    let comm = String::from_utf8_lossy(comm).into_owned();
    Identity { pid, tid, ppid, uid, gid, comm, cgroup: cgroup(), cpu: None }
}

/// The inode of our cgroup.
fn cgroup() -> u64 {
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = cgroups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    let folder = format!("/sys/fs/cgroup{path}");
    fs::metadata(&folder).unwrap_or_else(|error| panic!("{folder}: {error}")).ino()
}

/// Changes the real user and group id, and with it all privileges. By number, as the library's
/// functions would have all threads do the same, by signals.
pub(crate) fn become_user(uid: u32, gid: u32) {
    // SAFETY: no memory is involved.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_setresgid, gid, gid + 10, gid + 20), 0);
        assert_eq!(libc::syscall(libc::SYS_setresuid, uid, uid + 10, uid + 20), 0);
    }
}
