//! A container, as far as signals go: a pid namespace.

use std::fs;

use sigtrace_tests::death::Death;

use super::kernels::gone;
use super::victim::{dies_of, hear, kill, own, pipe, tell};
use crate::process::{fork, sleep, wait};

/// Its init is killed from inside, which has no effect, and from outside, which is the end of all others.
pub(super) fn container() {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWPID) }, 0);
    let (mut heard, mut told) = pipe();
    let init = fork(|| {
        fork(sleep);
        fork(sleep);
        // The library blocks all signals while it forks.
        let (mut cue, mut giver) = pipe();
        let insider = fork(|| {
            hear(&mut cue);
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGKILL] {
                kill(1, signal);
            }
            0
        });
        tell(&mut giver, &[0]);
        assert_eq!(wait(insider), 0);
        tell(&mut told, &[0]);
        sleep()
    });
    hear(&mut heard);
    // Without a handler it is not even killed by that.
    kill(init, libc::SIGTERM);
    let path = format!("/proc/{init}/task/{init}/children");
    let others = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let others: Vec<i32> = others.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    assert_eq!(others.len(), 2, "{others:?}");
    Death::of(init, "SIGKILL").by_call("kill", own()).told("/process/ns_pid", 1).write();
    for (pid, inside) in others.iter().zip(2..) {
        Death::of(*pid, "SIGKILL")
            .cause("exec_or_exit")
            .by(init)
            .told("/process/ns_pid", inside)
            .write();
    }
    kill(init, libc::SIGKILL);
    dies_of(init, libc::SIGKILL);
    others.into_iter().for_each(gone);
}
