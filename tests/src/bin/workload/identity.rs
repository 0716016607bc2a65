//! Who we are, by what the system says.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use sigtrace_tests::expect::{Identity, NamespaceIds};
use sigtrace_tests::kernel::control_groups;

/// The calling thread.
pub(crate) fn own() -> Identity {
    let comm = fs::read("/proc/thread-self/comm").unwrap_or_default();
    let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
    // SAFETY: these calls touch no memory and cannot fail.
    let (inside, uid, gid) = unsafe {
        let tid = i32::try_from(libc::syscall(libc::SYS_gettid)).unwrap_or_default();
        (NamespaceIds { pid: libc::getpid(), tid }, libc::getuid(), libc::getgid())
    };
    let [pid, tid] = outside();
    let ns = Some(inside).filter(|inside| (inside.pid, inside.tid) != (pid, tid));
    let comm = String::from_utf8_lossy(comm).into_owned();
    Identity { pid, tid, ns, ppid: parent(), uid, gid, comm, cgroup: cgroup(), cpu: None }
}

/// The process and the thread id in the initial pid namespace, of which the mounted /proc is.
pub(crate) fn outside() -> [i32; 2] {
    let link = fs::read_link("/proc/thread-self").unwrap_or_default();
    // `PID/task/TID`.
    let mut numbers = link.iter().filter_map(|part| part.to_str()?.parse().ok());
    match [numbers.next(), numbers.next()] {
        [Some(pid), Some(tid)] => [pid, tid],
        _ => panic!("/proc/thread-self leads to {}", link.display()),
    }
}

/// The parent's process id there.
fn parent() -> i32 {
    // `PID (NAME) STATE PPID …`, with any bytes in the name.
    let stat = fs::read("/proc/self/stat").unwrap_or_default();
    let stat = String::from_utf8_lossy(&stat);
    let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
    let ppid = after.split(' ').nth(1).and_then(|ppid| ppid.parse().ok());
    ppid.unwrap_or_else(|| panic!("no parent in {stat:?}"))
}

/// The inode of our cgroup; where none of version 2 are mounted, that of their root.
fn cgroup() -> u64 {
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(path) = cgroups.lines().find_map(|line| line.strip_prefix("0::")) else { return 1 };
    let folder = format!("{}{path}", control_groups());
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
