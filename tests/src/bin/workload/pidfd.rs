//! pidfd_open and pidfd_send_signal.

use std::fs::File;
use std::os::fd::IntoRawFd as _;

use serde_json::json;
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::names::bits;

use crate::abi::is_narrow;
use crate::call::{pidfd_open, pidfd_send_signal, rt_sigprocmask, rt_sigtimedwait, signalfd};
use crate::errno::{E2BIG, EBADF, EFAULT, EINVAL, EPERM, ESRCH};
use crate::memory::not_resident;
use crate::pointer::{Ptr, nowhere, null, to, to_set, unreadable};
use crate::process::{self, CLOSED, fd, fork, other_thread, wait};
use crate::script::Script;
use crate::siginfo::Info;

const USR1: i32 = libc::SIGUSR1;

/// pidfd_open.
pub(crate) fn opening(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    for pid in [own, 1] {
        script.call_for_number(pidfd_open(pid, 0));
        script.call_for_number(pidfd_open(pid, 0x800).with_garbage());
    }
    script.call(pidfd_open(0x7fff_fff2, 0), ESRCH);
    for pid in [0, -1, i32::MIN] {
        script.call(pidfd_open(pid, 0), EINVAL);
    }
    for flags in [1, 0x801, 0x10, u32::MAX] {
        script.call(pidfd_open(own, flags), EINVAL);
    }
    if Kernel::running().has_thread_pidfds() {
        script.call_for_number(pidfd_open(own, 0x80));
        script.call_for_number(pidfd_open(own, 0x880));
    } else {
        script.call(pidfd_open(own, 0x80), EINVAL);
        script.call(pidfd_open(own, 0x880), EINVAL);
    }
    let thread = script.off_the_record(other_thread);
    script.call(pidfd_open(thread, 0), Kernel::running().pidfd_open_of_a_thread());
    script.end();
}

/// pidfd_send_signal.
pub(crate) fn sending(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    let us = fd(script.call_for_number(pidfd_open(own, 0)));
    let init = fd(script.call_for_number(pidfd_open(1, 0)));
    let send = |fd, signo, target| pidfd_send_signal(fd, signo, null(), 0, target);
    for signo in [0, libc::SIGURG, libc::SIGWINCH] {
        script.call(send(us, signo, Some(own)), 0);
        script.call(send(us, signo, Some(own)).with_garbage(), 0);
    }
    script.call(send(init, 0, Some(1)), 0);
    // A directory of /proc stands for its process, too.
    for (path, target) in [(format!("/proc/{own}"), own), ("/proc/1".into(), 1)] {
        script.call(send(open(&path), 0, Some(target)), 0);
    }
    for path in ["/proc", "/proc/self/task", "/proc/self/status", "/dev/null", "/"] {
        script.call(send(open(path), 0, None), EBADF);
    }
    let task = open(&format!("/proc/self/task/{own}"));
    script.call(send(task, 0, None), EBADF);
    // SAFETY: no memory is involved.
    let event = unsafe { libc::eventfd(0, 0) };
    script.call(send(event, 0, None), EBADF);
    let signals = fd(script.call_for_number(signalfd(-1, to_set(1), 8)));
    for bad in [signals, CLOSED, 0x7fff_ffff, -1, -2, i32::MIN] {
        script.call(send(bad, 0, None), EBADF);
    }
    for this in [-10000, -10001] {
        if Kernel::running().has_pidfd_self() {
            script.call(send(this, 0, Some(own)), 0);
        } else {
            script.call(send(this, 0, None), EBADF);
        }
    }
    signal_numbers_and_flags(&mut script, us);
    infos(&mut script, us, init);
    let child = script.off_the_record(|| fork(process::sleep));
    let pidfd = fd(script.call_for_number(pidfd_open(child, 0)));
    script.call(send(pidfd, 9, Some(child)), 0);
    wait(child);
    // After it was waited for, too: the descriptor still is that process's.
    script.call(send(pidfd, 9, Some(child)), ESRCH);
    script.end();
    for process in [unprivileged, leader, with_threads] {
        let other = fork(process);
        assert_eq!(wait(other), 0);
    }
}

fn open(path: &str) -> i32 {
    File::open(path).unwrap_or_else(|error| panic!("{path}: {error}")).into_raw_fd()
}

fn signal_numbers_and_flags(script: &mut Script, us: i32) {
    let (own, kernel) = (script.identity.pid, Kernel::running());
    // When the kernel refuses before it looks, a descriptor may or may not be a pidfd.
    let refused = kernel.has_thread_pidfds().then_some(own);
    for signo in [65, -1, i32::MAX, i32::MIN] {
        script.call(pidfd_send_signal(us, signo, null(), 0, refused), EINVAL);
    }
    for flags in [1, 2] {
        if kernel.has_thread_pidfds() {
            script.call(pidfd_send_signal(us, 0, null(), flags, Some(own)), 0);
        } else {
            script.call(pidfd_send_signal(us, 0, null(), flags, None), EINVAL);
        }
    }
    for flags in [3, 5, 8, 0x8000_0004, u32::MAX] {
        script.call(pidfd_send_signal(us, 0, null(), flags, refused), EINVAL);
        script.call(pidfd_send_signal(CLOSED, 0, null(), flags, None), EINVAL);
    }
}

fn infos(script: &mut Script, us: i32, init: i32) {
    let own = script.identity.pid;
    let send = |signo, info: Ptr, target| pidfd_send_signal(us, signo, info, 0, target);
    script.call(rt_sigprocmask(2, to_set(u64::MAX), null(), 8), 0);
    for info in [
        Info::new(USR1, -1, json!("SI_QUEUE")).rt(4242, 7, 0x1_0000_0005),
        Info::new(USR1, -2, json!("SI_TIMER")).timer(1, 2, 3),
        Info::new(USR1, 0, json!("SI_USER")).kill(4242, 7),
        Info::new(17, 1, json!("CLD_EXITED")).child(4242, 7, 3, (4, 5)),
        Info::new(11, 3, json!("SEGV_BNDERR")).fault(0x1000).bounds(0x2000, 0x3000),
        Info::new(29, 6, json!("POLL_HUP")).poll(0x10, 4),
        Info::new(31, 1, json!("SYS_SECCOMP")).sys(
            0x1000,
            (39, "mkdir"),
            (0x4000_0003, "AUDIT_ARCH_I386"),
        ),
    ] {
        let signo = info.signo();
        script.call(send(signo, info.given(), Some(own)), 0);
        let taken = rt_sigtimedwait(to_set(bits(&[signo])), info.gotten(), null(), 8);
        script.call(taken, signo.into());
    }
    script.call(rt_sigprocmask(2, to_set(0), null(), 8), 0);
    // The kernel wants the same signal twice; what is behind the pidfd is known where it tells.
    let refused = Kernel::running().has_thread_pidfds().then_some(own);
    for other in [
        Info::new(USR1, -1, json!("SI_QUEUE")).rt(0, 0, 0).written(12),
        Info::new(17, 1, json!("CLD_EXITED")).child(4242, 7, 3, (4, 5)).written(USR1),
        Info::new(USR1, 1, json!("POLL_IN")).poll(0x41, 5).written(17),
        Info::new(0, 0, json!("SI_USER")).kill(4242, 7).written(-1),
    ] {
        script.call(send(other.signo(), other.given(), refused), EINVAL);
    }
    if !is_narrow() {
        let odd = Info::new(USR1, 77, json!(77)).kill(0, 0).with_tail().refused_for_rest("nonzero");
        script.call(send(USR1, odd.given(), Some(own)), E2BIG);
    }
    for nowhere in nowhere() {
        script.call(send(0, unreadable(nowhere), Some(own)), EFAULT);
    }
    let forged = Info::new(0, 0, json!("SI_USER")).kill(1, 0);
    script.call(pidfd_send_signal(init, 0, forged.given(), 0, Some(1)), EPERM);
    let queued = Info::new(0, -1, json!("SI_QUEUE")).rt(1, 0, 9);
    let file = to(not_resident(&queued.bytes()), queued.shown());
    script.call(pidfd_send_signal(init, 0, file, 0, Some(1)), 0);
}

/// By somebody who may not.
fn unprivileged() -> i32 {
    crate::identity::become_user(1001, 1002);
    let mut script = Script::begin();
    let init = fd(script.call_for_number(pidfd_open(1, 0)));
    script.call(pidfd_send_signal(init, 15, null(), 0, Some(1)), EPERM);
    script.end();
    0
}

/// The leader of a process group, to which a flag can send.
fn leader() -> i32 {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::setpgid(0, 0) }, 0);
    let mut script = Script::begin();
    let own = script.identity.pid;
    let us = fd(script.call_for_number(pidfd_open(own, 0)));
    if Kernel::running().has_thread_pidfds() {
        script.call(pidfd_send_signal(us, 0, null(), 4, Some(own)), 0);
    } else {
        script.call(pidfd_send_signal(us, 0, null(), 4, None), EINVAL);
    }
    script.end();
    0
}

/// A pidfd can stand for a thread, whose number is then the one behind it.
fn with_threads() -> i32 {
    let mut script = Script::begin();
    let thread = script.off_the_record(other_thread);
    if Kernel::running().has_thread_pidfds() {
        let pidfd = fd(script.call_for_number(pidfd_open(thread, 0x80)));
        script.call(pidfd_send_signal(pidfd, 0, null(), 0, Some(thread)), 0);
        script.call(pidfd_send_signal(pidfd, 0, null(), 1, Some(thread)), 0);
    } else {
        script.call(pidfd_open(thread, 0x80), EINVAL);
    }
    script.end();
    0
}
