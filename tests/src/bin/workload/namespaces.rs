//! In pid namespaces: who calls, by both of its numbers, and whom its numbers mean.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde_json::{Value, json};
use sigtrace_tests::names::bits;

use crate::call::{Call, kill, pidfd_open, rt_sigprocmask, tgkill, tkill};
use crate::errno::ESRCH;
use crate::identity;
use crate::pointer::{null, to_set};
use crate::process::{fork, sleep, wait};
use crate::script::Script;

/// Makes what is forked next the first process of a namespace.
fn new_namespace() {
    // SAFETY: no memory is involved.
    let done = unsafe { libc::unshare(libc::CLONE_NEWPID) };
    assert_eq!(done, 0, "unshare: {}", io::Error::last_os_error());
}

/// In a namespace, and in one in that.
pub(crate) fn run(_: &[String]) {
    new_namespace();
    let child = fork(|| {
        let mut script = begin();
        let outside = script.identity.pid;
        script.call(aimed(kill(1, 0), outside), 0);
        script.call(aimed(tkill(1, 0), outside), 0);
        script.call(aimed(tgkill(1, 1, 0), outside), 0);
        // Our number outside is nobody's here.
        script.call(aimed_at_nobody(kill(outside, 0)), ESRCH);
        script.call(aimed_at_nobody(kill(-outside, 0)), ESRCH);
        script.call(aimed_at_nobody(kill(4_000_000, 0)), ESRCH);
        script.call_for_number(aimed(pidfd_open(1, 0), outside));
        script.call(rt_sigprocmask(2, to_set(bits(&[10])), null(), 8), 0);
        a_group(&mut script);
        script.end();

        new_namespace();
        let inner = fork(|| {
            let mut script = begin();
            let outside = script.identity.pid;
            script.call(aimed(kill(1, 0), outside), 0);
            script.call(aimed_at_nobody(kill(2, 0)), ESRCH);
            script.end();
            0
        });
        assert_eq!(wait(inner), 0);
        0
    });
    assert_eq!(wait(child), 0);
}

/// The script of the first process of a namespace.
fn begin() -> Script {
    let script = Script::begin();
    let ns = script.identity.ns;
    assert!(ns.is_some_and(|ns| (ns.pid, ns.tid) == (1, 1)), "{ns:?}");
    script
}

/// A child in the same namespace, by its number here and as a group of its own.
fn a_group(script: &mut Script) {
    let (mut told, mut tell) = io::pipe().unwrap_or_else(|error| panic!("{error}"));
    let child = script.off_the_record(|| {
        fork(move || {
            // SAFETY: no memory is involved.
            unsafe { libc::setpgid(0, 0) };
            let [pid, _] = identity::outside();
            let told = tell.write_all(&pid.to_ne_bytes());
            if told.is_ok() { sleep() } else { 1 }
        })
    });
    let mut outside = [0; 4];
    told.read_exact(&mut outside).unwrap_or_else(|error| panic!("{error}"));
    let outside = i32::from_ne_bytes(outside);
    script.call(aimed(kill(child, 0), outside), 0);
    script.call(aimed(kill(-child, 0), -outside), 0);
    script.call(aimed(kill(child, libc::SIGKILL), outside), 0);
    wait(child);
    script.call(aimed_at_nobody(kill(child, 0)), ESRCH);
}

/// A call that means who has this number outside.
fn aimed(call: Call, target: i32) -> Call {
    call.shown("target", json!(target))
}

fn aimed_at_nobody(call: Call) -> Call {
    call.shown("target", Value::Null)
}

/// A call as it is to be told of if somebody in our own namespace makes it: with what /proc says of
/// whom its number means, if that namespace is not the initial one.
pub(crate) fn seen_from_outside(call: Call) -> Call {
    if identity::own().ns.is_none() {
        return call;
    }
    match call.aimed_at() {
        Some(number) => call.shown("target", json!(outside(number))),
        None => call,
    }
}

/// Who has this number in our namespace: a thread's number outside.
fn outside(number: i32) -> Option<i32> {
    let own = fs::read_link("/proc/thread-self/ns/pid").ok()?;
    let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let threads = processes.filter_map(|process| fs::read_dir(process.path().join("task")).ok());
    let mut threads = threads.flatten().filter_map(Result::ok);
    let found = threads.find(|thread| {
        let same = fs::read_link(thread.path().join("ns/pid")).is_ok_and(|ns| ns == own);
        same && innermost(&thread.path()) == Some(number)
    })?;
    found.file_name().to_str()?.parse().ok()
}

/// The number of a thread in its own namespace.
fn innermost(thread: &Path) -> Option<i32> {
    let status = fs::read_to_string(thread.join("status")).ok()?;
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    numbers.split_ascii_whitespace().next_back()?.parse().ok()
}
