//! `sigtrace pending`, held against what the kernel does with a signal then.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use sigtrace_tests::harness::{Test, sigtrace, spawn, until};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_term_does_what_pending_said_that_it_would,
    a_mask_is_followed_to_the_shell_that_it_is_from,
    a_process_that_does_not_exist_is_named,
];

/// Long enough for a signal that has an effect to have it.
const WHILE: Duration = Duration::from_millis(300);

fn sleeper() -> Command {
    let mut command = Command::new("/bin/busybox");
    command.args(["sleep", "60"]);
    command
}

/// Starts it once the child has done this.
fn spawn_after(command: &mut Command, act: fn()) -> Child {
    let hook = move || -> io::Result<()> {
        act();
        Ok(())
    };
    // SAFETY: what is done there are system calls.
    spawn(unsafe { command.pre_exec(hook) })
}

pub(crate) fn block_term() {
    // SAFETY: a set on the stack, filled before it is used.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
}

fn ignore_term() {
    // SAFETY: no handler of ours is involved.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
}

fn send(pid: u32, signo: i32) {
    // SAFETY: kill touches no memory.
    assert_eq!(unsafe { libc::kill(pid.cast_signed(), signo) }, 0, "{pid}");
}

/// What is said of TERM for the process.
fn term(pid: u32) -> Value {
    let id = pid.to_string();
    let ended = sigtrace(&["pending", &id, "-S", "TERM", "--format", "json"]);
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    let process: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}", ended.stdout));
    assert_eq!((&process["pid"], &process["comm"]), (&json!(pid), &json!("busybox")));
    let signals = process["signals"].as_array().cloned().unwrap_or_default();
    let term = signals.into_iter().find(|signal| signal["sig"] == "SIGTERM");
    term.unwrap_or_else(|| panic!("{process}"))
}

fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// The only child of a process.
fn child_of(pid: u32) -> Option<u32> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?.trim().parse().ok()
}

/// Once it has become the program, whose name it has later than Rust knows that it is executed.
pub(crate) fn until_it_is(name: &str, pid: u32) {
    let is_there = || {
        let comm = fs::read_to_string(format!("/proc/{pid}/comm"));
        comm.is_ok_and(|comm| comm.trim_end() == name)
    };
    until(name, || is_there().then_some(()));
}

fn a_term_does_what_pending_said_that_it_would() {
    for (fate, act) in
        [("terminate", (|| ()) as fn()), ("blocked", block_term), ("ignored", ignore_term)]
    {
        let mut child = spawn_after(&mut sleeper(), act);
        let pid = child.id();
        until_it_is("busybox", pid);
        let signal = |pending: bool| {
            json!({ "sig": "SIGTERM", "signo": 15, "pending": pending, "fate": fate,
                "inherited_from": null })
        };
        assert_eq!(term(pid), signal(false));
        send(pid, libc::SIGTERM);
        if fate == "terminate" {
            assert_eq!(child.wait().ok().and_then(|status| status.signal()), Some(15));
            continue;
        }
        sleep(WHILE);
        assert!(is_alive(pid), "{fate}");
        // What is ignored is gone, and what is blocked waits.
        assert_eq!(term(pid), signal(fate == "blocked"));
        send(pid, libc::SIGKILL);
        assert_eq!(child.wait().ok().and_then(|status| status.signal()), Some(9));
    }
    // The init of a pid namespace that has no handler.
    let mut parent = spawn(Command::new("/bin/busybox").args([
        "unshare",
        "-p",
        "-f",
        "/bin/busybox",
        "sleep",
        "60",
    ]));
    let init = until("its child", || child_of(parent.id()));
    until_it_is("busybox", init);
    assert_eq!(term(init)["fate"], "init_without_handler");
    send(init, libc::SIGTERM);
    sleep(WHILE);
    assert!(is_alive(init));
    send(init, libc::SIGKILL);
    let _ = parent.wait();
}

fn a_mask_is_followed_to_the_shell_that_it_is_from() {
    // The outer one waits for the inner one, as it has something to do then.
    let script = "/bin/busybox sh -c '/bin/busybox sleep 60; true'; true";
    let mut shell =
        spawn_after(Command::new("/bin/busybox").args(["sh", "-c", script]), block_term);
    let inner = until("the inner shell", || child_of(shell.id()));
    let last = until("its child", || child_of(inner));
    until_it_is("busybox", last);
    let ended = sigtrace(&["pending", &last.to_string(), "-S", "TERM"]);
    let expected = format!(
        "busybox[{last}]: user 0, child of busybox[{inner}]\n  SIGTERM: blocked, as by its ancestors up to \
         busybox[{}]; it stays pending until a thread unblocks it, or takes it with sigwait(3) or a \
         signalfd\n",
        shell.id()
    );
    assert_eq!((ended.stdout, ended.stderr), (expected, String::new()));
    // The table has all three, and no thread of the kernel's, all of which block or ignore signals.
    let table = sigtrace(&["pending", "-S", "TERM"]).stdout;
    for pid in [shell.id(), inner, last] {
        let line = table.lines().find(|line| line.starts_with(&format!("{pid} ")));
        assert!(line.is_some_and(|line| line.contains(" SIGTERM  no ")), "{table}");
    }
    assert!(!table.contains("kthreadd"), "{table}");
    // A shell ends, too, when its child does, so the outermost one goes first.
    for pid in [shell.id(), inner, last] {
        send(pid, libc::SIGKILL);
    }
    let _ = shell.wait();
}

fn a_process_that_does_not_exist_is_named() {
    // Numbers end at 2^22.
    let ended = sigtrace(&["pending", "5000000"]);
    let expected = (Some(1), "", "sigtrace: no process has the id 5000000\n");
    assert_eq!((ended.status.code(), ended.stdout.as_str(), ended.stderr.as_str()), expected);
    let ended = sigtrace(&["pending", "nginx"]);
    assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(2), ""));
}
