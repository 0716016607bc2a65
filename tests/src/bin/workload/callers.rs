//! Who calls: names, numbers and places of every kind.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::thread;

use sigtrace_tests::kernel::control_groups;
use sigtrace_tests::names::bits;

use crate::call::{kill, rt_sigprocmask, tkill};
use crate::errno::ESRCH;
use crate::identity;
use crate::pointer::{gets_set, null, to_set};
use crate::process::{fork, until, wait};
use crate::script::Script;

const NOBODY: i32 = 0x7fff_fff2;

/// Names that somebody chose with malice, or in another language.
const NAMES: [&[u8]; 10] = [
    b"plain",
    b"",
    b"a\"quote\\back/",
    b"\x01\x02\t\r\n\x1b[31m\x7f",
    b"{\"event\":1}",
    b"\xff\xfe\xfd",
    b"ok\xc3",
    "h\u{e9}l\u{e9}ne".as_bytes(),
    // Cut to 15 bytes, in the midst of a character.
    "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}".as_bytes(),
    b"\xe2\x80\xae\xed\xa0\x80\xf4\x90\x80\x80",
];

/// Thread names.
pub(crate) fn names(_: &[String]) {
    let mut script = Script::begin();
    for name in NAMES {
        let mut terminated = name.to_vec();
        terminated.push(0);
        // SAFETY: a string that ends.
        assert_eq!(unsafe { libc::prctl(libc::PR_SET_NAME, terminated.as_ptr()) }, 0);
        script.identity.comm = String::from_utf8_lossy(&name[..name.len().min(15)]).into_owned();
        script.call(kill(NOBODY, 0), ESRCH);
    }
    script.end();
}

/// User and group ids.
pub(crate) fn users(_: &[String]) {
    for (uid, gid) in [(1001, 1002), (0, 5), (4_000_000_000, 4_000_000_001)] {
        let child = fork(move || {
            let mut script = Script::begin();
            script.call(kill(NOBODY, 1), ESRCH);
            identity::become_user(uid, gid);
            (script.identity.uid, script.identity.gid) = (uid, gid);
            script.call(kill(NOBODY, 2), ESRCH);
            script.end();
            0
        });
        assert_eq!(wait(child), 0);
    }
}

/// Parents and children, and orphans.
pub(crate) fn families(_: &[String]) {
    let mut script = Script::begin();
    script.call(kill(NOBODY, 1), ESRCH);
    let own = script.identity.pid;
    script.end();
    let child = fork(move || {
        let mut script = Script::begin();
        assert_eq!(script.identity.ppid, own);
        script.call(kill(NOBODY, 2), ESRCH);
        script.end();
        fork(orphan);
        0
    });
    assert_eq!(wait(child), 0);
    // We hold the output open until the orphan has let go of it: who reads waits for that.
}

fn orphan() -> i32 {
    until(|| identity::own().ppid == 1);
    let mut script = Script::begin();
    script.call(kill(NOBODY, 3), ESRCH);
    script.end();
    0
}

/// Threads of one process, at the same time.
pub(crate) fn threads(_: &[String]) {
    let all: Vec<_> = (0..4).map(|number| thread::spawn(move || thread_of_many(number))).collect();
    let mut script = Script::begin();
    for _ in 0..50 {
        script.call(kill(NOBODY, 9), ESRCH);
    }
    script.end();
    for thread in all {
        assert!(thread.join().is_ok());
    }
}

fn thread_of_many(number: i32) {
    let mut script = Script::begin();
    assert_ne!(script.identity.tid, script.identity.pid);
    let (own, other) = (bits(&[10 + number]), bits(&[20 + number]));
    let tid = script.identity.tid;
    script.call(rt_sigprocmask(2, to_set(own), null(), 8), 0);
    for _ in 0..50 {
        // Each has its mask.
        script.call(rt_sigprocmask(2, to_set(other), gets_set(own), 8), 0);
        script.call(tkill(tid, 0), 0);
        script.call(rt_sigprocmask(2, to_set(own), gets_set(other), 8), 0);
    }
    script.end();
}

/// In a control group of its own, and back in that before.
pub(crate) fn cgroups(_: &[String]) {
    let child = fork(|| {
        let before = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let before = before.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
        let home = format!("{}{before}", control_groups());
        let inner = format!("{home}/sigtrace-test/inner");
        fs::create_dir_all(&inner).unwrap_or_else(|error| panic!("{inner}: {error}"));
        let mut script = Script::begin();
        script.call(kill(NOBODY, 1), ESRCH);
        for place in [&inner, &home] {
            fs::write(format!("{place}/cgroup.procs"), "0")
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            script.identity = identity::own();
            script.call(kill(NOBODY, 2), ESRCH);
        }
        script.end();
        0
    });
    assert_eq!(wait(child), 0);
}

/// On one processor, and on another.
pub(crate) fn processors(_: &[String]) {
    let mut script = Script::begin();
    for cpu in [1, 0, 1] {
        // SAFETY: a set to read from.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(cpu, &mut set);
            let size = size_of_val(&set);
            assert_eq!(libc::sched_setaffinity(0, size, &raw const set), 0);
        }
        script.identity.cpu = u32::try_from(cpu).ok();
        for _ in 0..5 {
            script.call(kill(NOBODY, 0), ESRCH);
        }
    }
    script.end();
}

/// A thread that is not the first of its process executes a program: it takes over the number of
/// the first.
pub(crate) fn executing(_: &[String]) {
    let before = identity::own().pid;
    let thread = thread::spawn(move || {
        let mut script = Script::begin();
        assert_ne!(script.identity.tid, before);
        script.call(kill(NOBODY, 1), ESRCH);
        script.end();
        let error = Command::new("/proc/self/exe").args(["executed", &before.to_string()]).exec();
        panic!("{error}");
    });
    assert!(thread.join().is_ok());
}

/// What it executes; the argument is the number it has to have.
pub(crate) fn executed(arguments: &[String]) {
    let mut script = Script::begin();
    let (pid, tid) = (script.identity.pid, script.identity.tid);
    assert_eq!((arguments[0].as_str(), pid), (tid.to_string().as_str(), tid));
    script.call(kill(NOBODY, 2), ESRCH);
    script.end();
}
