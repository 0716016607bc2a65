//! What the kernel kills for.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr::null_mut;

use sigtrace_tests::death::Death;
use sigtrace_tests::kernel::{Kernel, control_groups};

use super::victim::{Victim, hear, own, pipe, tell};
use crate::process::{fork, sleep, until, wait};

pub(super) fn fault() {
    let mut worker = Victim::new(|| {
        // SAFETY: none, which is the point.
        unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
        0
    });
    Death::of(worker.pid, "SIGSEGV")
        .cause("fault")
        .told("/generate/info/code", "SEGV_MAPERR")
        .told("/generate/info/addr", "0x8")
        .write();
    worker.go();
    worker.dies_of(libc::SIGSEGV);
}

/// `yes | true`.
pub(super) fn pipeline() {
    let (reader, writer) = pipe();
    let mut yes = Victim::new(|| {
        panic!("{}", Command::new("yes").stdout(writer).exec());
    });
    let path = fs::canonicalize("/usr/bin/yes").unwrap_or_default();
    Death::of(yes.pid, "SIGPIPE")
        .cause("pipe")
        .told("/process/comm", "yes")
        .told("/process/exe", path.to_string_lossy())
        .write();
    yes.go();
    let fd = reader.as_raw_fd();
    // SAFETY: a buffer of one byte; nothing is taken out once there is something.
    until(|| unsafe { libc::poll(&mut libc::pollfd { fd, events: libc::POLLIN, revents: 0 }, 1, 0) } == 1);
    drop(reader);
    yes.dies_of(libc::SIGPIPE);
}

/// `SECCOMP_SET_MODE_FILTER` and what a filter says (`include/uapi/linux/seccomp.h`).
const SET_FILTER: i32 = 1;
const KILL_PROCESS: u32 = 0x8000_0000;
const ALLOW: u32 = 0x7fff_0000;

pub(super) fn seccomp() {
    let mut worker = Victim::new(|| {
        let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let mut steps = [
            // The number of the call.
            step(0x20, 0, 0, 0),
            step(0x15, 0, 1, libc::SYS_mkdirat as u32),
            step(0x06, 0, 0, KILL_PROCESS),
            step(0x06, 0, 0, ALLOW),
        ];
        let filter = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
        // SAFETY: a filter and a string to read from.
        unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::syscall(libc::SYS_seccomp, SET_FILTER, 0, &raw const filter);
            libc::mkdirat(libc::AT_FDCWD, c"/run/day-refused".as_ptr(), 0o700);
        }
        0
    });
    let death = Death::of(worker.pid, "SIGSYS");
    if Kernel::running().sends_what_seccomp_kills_by() {
        death.cause("seccomp").told("/generate/info/syscall_name", "mkdirat").write();
    } else {
        death.without_signal("seccomp").told("/refused_call/syscall_name", "mkdirat").write();
    }
    worker.go();
    worker.dies_of(libc::SIGSYS);
}

pub(super) fn alarm() {
    let mut sleeper = Victim::new(|| {
        // SAFETY: no memory is involved.
        unsafe { libc::alarm(1) };
        sleep()
    });
    Death::of(sleeper.pid, "SIGALRM").cause("alarm").write();
    sleeper.go();
    sleeper.dies_of(libc::SIGALRM);
}

/// One of timer_create, which sends SIGALRM unless asked for another.
pub(super) fn timer() {
    let mut sleeper = Victim::new(|| {
        let none = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let soon = libc::timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        let time = libc::itimerspec { it_interval: none, it_value: soon };
        let mut id = 0_i32;
        // SAFETY: a number to write to, and a time to read from.
        unsafe {
            let clock = libc::CLOCK_MONOTONIC;
            assert_eq!(libc::syscall(libc::SYS_timer_create, clock, 0_usize, &raw mut id), 0);
            let set = libc::SYS_timer_settime;
            assert_eq!(libc::syscall(set, id, 0, &raw const time, 0_usize), 0);
        }
        sleep()
    });
    Death::of(sleeper.pid, "SIGALRM").cause("timer").write();
    sleeper.go();
    sleeper.dies_of(libc::SIGALRM);
}

pub(super) fn profiling_timer() {
    let mut worker = Victim::new(|| {
        let none = libc::timeval { tv_sec: 0, tv_usec: 0 };
        let soon = libc::timeval { tv_sec: 0, tv_usec: 10_000 };
        let time = libc::itimerval { it_interval: none, it_value: soon };
        // SAFETY: a time to read from.
        unsafe { libc::setitimer(libc::ITIMER_PROF, &raw const time, null_mut()) };
        loop {
            std::hint::spin_loop();
        }
    });
    Death::of(worker.pid, "SIGPROF").cause("timer").write();
    worker.go();
    worker.dies_of(libc::SIGPROF);
}

/// A child's child that asked for it, whose parent just exits.
pub(super) fn parent_death() {
    let ((mut heard, mut told), (mut cue, mut giver)) = (pipe(), pipe());
    let parent = fork(|| {
        let child = fork(|| {
            // SAFETY: no memory is involved.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM, 0, 0, 0) };
            tell(&mut told, &[0]);
            sleep()
        });
        tell(&mut told, &[child]);
        hear(&mut cue)
    });
    // The child is ready, and its number, whichever comes first.
    let child = hear(&mut heard).max(hear(&mut heard));
    Death::of(child, "SIGTERM").cause("parent_death").by(parent).write();
    tell(&mut giver, &[0]);
    assert_eq!(wait(parent), 0);
    gone(child);
}

/// Waits until a process that is no child of ours is dead.
pub(super) fn gone(pid: i32) {
    let stat = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    until(|| stat().rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X'])));
}

pub(super) fn cgroup_kill() {
    let group = format!("{}/day-killed", control_groups());
    if !Kernel::running().kills_cgroups() {
        return;
    }
    let write = |file: &str, text: String| {
        let path = format!("{group}/{file}");
        fs::write(&path, text).unwrap_or_else(|error| panic!("{path}: {error}"));
    };
    fs::create_dir(&group).unwrap_or_else(|error| panic!("{group}: {error}"));
    let members = [Victim::idle(), Victim::idle()];
    for member in &members {
        write("cgroup.procs", member.pid.to_string());
        Death::of(member.pid, "SIGKILL")
            .cause("cgroup_kill")
            .by(own())
            .told("/process/cgroup", "/day-killed")
            .write();
    }
    write("cgroup.kill", "1".into());
    for member in members {
        member.dies_of(libc::SIGKILL);
    }
    until(|| fs::remove_dir(&group).is_ok());
}
