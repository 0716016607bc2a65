//! Processes that kill others, or themselves.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Command};
use std::thread;

use serde_json::json;
use sigtrace_tests::death::Death;

use super::victim::{Victim, kill, own};
use crate::process::{until, wait_until_state};

const WORKLOAD: &str = "/payload/workload";

/// The program behind a path.
fn program(path: &str) -> String {
    let path = fs::canonicalize(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    path.to_string_lossy().into_owned()
}

/// A child that will execute this.
fn executing(command: &mut Command) -> Victim {
    Victim::new(|| panic!("{}", command.exec()))
}

pub(super) fn abort() {
    let mut program = Victim::new(|| process::abort());
    Death::of(program.pid, "SIGABRT").cause("call").by(program.pid).write();
    program.go();
    program.dies_of(libc::SIGABRT);
}

pub(super) fn itself() {
    let mut program = Victim::new(|| {
        kill(own(), libc::SIGTERM);
        0
    });
    Death::of(program.pid, "SIGTERM").by_call("kill", program.pid).write();
    program.go();
    program.dies_of(libc::SIGTERM);
}

/// `kill -TERM -- -PGID` of a shell that was something else a moment ago.
pub(super) fn group() {
    let members: Vec<Victim> = (0..3).map(|_| Victim::idle()).collect();
    let leader = members[0].pid;
    for member in &members {
        // SAFETY: no memory is involved.
        assert_eq!(unsafe { libc::setpgid(member.pid, leader) }, 0);
    }
    let script = format!("kill -TERM -- -{leader}");
    let mut shell = executing(Command::new("bash").args(["-c", &script]));
    for member in &members {
        let args = json!({ "pid": -leader, "sig": "SIGTERM", "signo": libc::SIGTERM });
        Death::of(member.pid, "SIGTERM")
            .cause("call")
            .by_whom(shell.pid, "bash", &program("/bin/bash"))
            .told("/generate/sender/cmdline", json!(["bash", "-c", script]))
            .told("/request/syscall", "kill")
            .told("/request/args", args)
            .write();
    }
    shell.go();
    for member in members {
        member.dies_of(libc::SIGTERM);
    }
    shell.ends();
}

/// A script whose `pkill` lives for milliseconds.
pub(super) fn short_lived() {
    const SCRIPT: &str = "/run/day-job.sh";
    let pattern = "sleep day-prey";
    let text = format!("#!/bin/sh\npkill -KILL -f '{pattern}'\ntrue\n");
    let written = fs::write(SCRIPT, text)
        .and_then(|()| fs::set_permissions(SCRIPT, Permissions::from_mode(0o755)));
    written.unwrap_or_else(|error| panic!("{SCRIPT}: {error}"));
    let mut prey = executing(Command::new(WORKLOAD).args(["sleep", "day-prey"]));
    prey.go();
    let cmdline = format!("/proc/{}/cmdline", prey.pid);
    until(|| fs::read(&cmdline).is_ok_and(|line| line.ends_with(b"day-prey\0")));
    let mut script = executing(&mut Command::new(SCRIPT));
    let pkill = program("/usr/bin/pkill");
    Death::of(prey.pid, "SIGKILL")
        .cause("call")
        .by_one_called("pkill", &pkill)
        .told("/generate/sender/cmdline", json!(["pkill", "-KILL", "-f", pattern]))
        .told("/generate/sender/ppid", script.pid)
        .told("/generate/sender/parents/0", json!({ "pid": script.pid, "comm": "day-job.sh" }))
        .write();
    script.go();
    script.ends();
    prey.dies_of(libc::SIGKILL);
}

pub(super) fn thread() {
    let victim = Victim::idle();
    let pid = victim.pid;
    let killer = thread::spawn(move || {
        // SAFETY: no memory is involved.
        let tid = unsafe { libc::gettid() };
        assert_ne!(tid, own());
        Death::of(pid, "SIGTERM").by_call("kill", own()).told("/generate/sender/tid", tid).write();
        kill(pid, libc::SIGTERM);
    });
    assert!(killer.join().is_ok());
    victim.dies_of(libc::SIGTERM);
}

pub(super) fn executed_by_thread() {
    let victim = Victim::idle();
    let (pid, signal) = (victim.pid.to_string(), libc::SIGKILL.to_string());
    let mut killer = executing(Command::new(WORKLOAD).args(["send-by-thread", &pid, &signal]));
    Death::of(victim.pid, "SIGKILL")
        .by_call("kill", killer.pid)
        .told("/generate/sender/cmdline", json!([WORKLOAD, "send", pid, signal]))
        .write();
    killer.go();
    killer.ends();
    victim.dies_of(libc::SIGKILL);
}

/// In the name of the first process.
pub(super) fn forger() {
    let victim = Victim::idle();
    // SAFETY: all zeroes are one.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    info.si_signo = libc::SIGTERM;
    info.si_code = libc::SI_QUEUE;
    // SAFETY: the number is where the kernel has it, behind three ints and padding.
    unsafe { (&raw mut info).cast::<i32>().add(4).write(1) };
    Death::of(victim.pid, "SIGTERM")
        .by_call("rt_sigqueueinfo", own())
        .told("/generate/forged", true)
        .told("/generate/info/pid", 1)
        .write();
    // SAFETY: a siginfo to read from.
    let sent = unsafe {
        libc::syscall(libc::SYS_rt_sigqueueinfo, victim.pid, libc::SIGTERM, &raw const info)
    };
    assert_eq!(sent, 0, "{}", std::io::Error::last_os_error());
    victim.dies_of(libc::SIGTERM);
}

pub(super) fn by_descriptor() {
    let victim = Victim::idle();
    Death::of(victim.pid, "SIGUSR1").by_call("pidfd_send_signal", own()).write();
    // SAFETY: no memory is involved, and the descriptor is ours.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, victim.pid, 0);
        assert!(fd >= 0);
        let sent = libc::syscall(libc::SYS_pidfd_send_signal, fd, libc::SIGUSR1, 0_usize, 0);
        assert_eq!(sent, 0);
    }
    victim.dies_of(libc::SIGUSR1);
}

/// Sent long before, as the process blocks it.
pub(super) fn blocked() {
    let mut victim = Victim::new(|| {
        let set = sigtrace_tests::names::bits(&[libc::SIGUSR2]);
        let change = |how: i32| {
            // SAFETY: a set to read from.
            unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const set, 0_usize, 8) }
        };
        change(libc::SIG_BLOCK);
        kill(own(), libc::SIGSTOP);
        change(libc::SIG_UNBLOCK);
        0
    });
    victim.go();
    wait_until_state(victim.pid, 'T');
    Death::of(victim.pid, "SIGUSR2").by_call("kill", own()).write();
    kill(victim.pid, libc::SIGUSR2);
    kill(victim.pid, libc::SIGCONT);
    victim.dies_of(libc::SIGUSR2);
}
