//! kill, tkill, tgkill: every kind of target, every kind of number.

use crate::call::{kill, tgkill, tkill};
use crate::errno::{EINVAL, EPERM, ESRCH};
use crate::process::{fork, sleep, wait};
use crate::script::Script;

/// No process has this number.
const NOBODY: i32 = 0x7fff_fff2;
/// Signals, and numbers that are none.
const NUMBERS: [i32; 12] = [0, 1, 9, 19, 32, 33, 34, 64, 65, -1, i32::MAX, i32::MIN];
/// What does no harm to who has not asked for it.
const HARMLESS: [i32; 4] = [libc::SIGCONT, libc::SIGURG, libc::SIGWINCH, libc::SIGCHLD];

/// kill.
pub(crate) fn processes(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    for pid in [own, 1, 0, -1] {
        script.call(kill(pid, 0), 0);
    }
    for signo in NUMBERS {
        script.call(kill(NOBODY, signo), ESRCH);
        script.call(kill(NOBODY, signo).with_garbage(), ESRCH);
    }
    for signo in [65, -1, i32::MAX] {
        script.call(kill(own, signo), EINVAL);
    }
    script.call(kill(i32::MIN, 0), ESRCH);
    script.call(kill(-NOBODY, 15), ESRCH);
    for signo in HARMLESS {
        script.call(kill(own, signo).with_garbage(), 0);
    }
    let child = script.off_the_record(|| fork(sleep));
    script.call(kill(child, 9), 0);
    wait(child);
    script.call(kill(child, 9), ESRCH);
    script.end();

    let other = fork(unprivileged);
    assert_eq!(wait(other), 0);
}

/// kill by somebody who may not.
fn unprivileged() -> i32 {
    crate::identity::become_user(1001, 1002);
    let mut script = Script::begin();
    script.call(kill(1, 15), EPERM);
    script.call(kill(1, 0), EPERM);
    // The number is looked at first.
    script.call(kill(1, 65), EINVAL);
    script.end();
    0
}

/// tkill and tgkill.
pub(crate) fn threads(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    script.call(tkill(own, 0), 0);
    script.call(tgkill(own, own, 0), 0);
    for signo in NUMBERS {
        script.call(tkill(NOBODY, signo), ESRCH);
        script.call(tkill(NOBODY, signo).with_garbage(), ESRCH);
        script.call(tgkill(own, NOBODY, signo), ESRCH);
        script.call(tgkill(own, NOBODY, signo).with_garbage(), ESRCH);
        // Not a thread of that process.
        script.call(tgkill(1, own, signo), ESRCH);
    }
    for tid in [0, -1, i32::MIN] {
        script.call(tkill(tid, 0), EINVAL);
        script.call(tgkill(own, tid, 0), EINVAL);
        script.call(tgkill(tid, own, 0), EINVAL);
    }
    for signo in [65, -1] {
        script.call(tkill(own, signo), EINVAL);
        script.call(tgkill(own, own, signo), EINVAL);
    }
    for signo in HARMLESS {
        script.call(tkill(own, signo).with_garbage(), 0);
        script.call(tgkill(own, own, signo).with_garbage(), 0);
    }
    script.end();
}
