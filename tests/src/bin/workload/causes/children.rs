//! What the kernel sends on account of what other processes do: children, parents, tracers.

use std::io::{Read as _, Write as _};
use std::ptr;

use serde_json::{Value, json};

use super::{adopt, catch, finish, fork, kill, pipe, resting, wait_for_change};
use crate::identity;
use crate::process::{sleep, until, wait, wait_until_state};

/// A child exits, one is stopped, goes on and is killed, and one ends that we asked for another signal of.
pub(super) fn child() -> Value {
    let exited = fork(|| 3);
    wait(exited);
    let killed = resting(|| {});
    kill(killed, libc::SIGSTOP);
    wait_for_change(killed);
    kill(killed, libc::SIGCONT);
    // It is the child that tells of that, once it goes on.
    wait_until_state(killed, 'S');
    kill(killed, libc::SIGTERM);
    assert_eq!(wait(killed), libc::SIGTERM);
    let handler = catch(libc::SIGUSR1);
    // SAFETY: like fork; we have one thread.
    let other = unsafe { libc::syscall(libc::SYS_clone, libc::SIGUSR1, 0_usize, 0_usize, 0_usize) };
    if other == 0 {
        // SAFETY: ends the child without running what the parent has yet to run at its end.
        unsafe { libc::_exit(4) };
    }
    // SAFETY: no status is asked for.
    let waited = unsafe { libc::waitpid(other as i32, ptr::null_mut(), libc::__WALL) };
    assert_eq!(i64::from(waited), other);
    json!({ "exited": exited, "killed": killed, "other": other, "handler": handler })
}

/// A child ends whose own child asked for SIGTERM for then.
pub(super) fn parent_death() -> Value {
    adopt();
    let (mut told, mut tell) = pipe();
    let parent = fork(|| {
        let child = resting(|| {
            // SAFETY: no memory is involved.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM, 0, 0, 0) };
        });
        i32::from(tell.write_all(&child.to_ne_bytes()).is_err())
    });
    let mut child = [0; 4];
    told.read_exact(&mut child).unwrap_or_else(|error| panic!("{error}"));
    let child = i32::from_ne_bytes(child);
    assert_eq!(wait(parent), 0);
    assert_eq!(wait(child), libc::SIGTERM);
    json!({ "parent": parent, "child": child })
}

/// We trace a child; then another child does, and ends, which is to be the end of the first as well.
pub(super) fn ptrace() -> Value {
    let child = resting(|| {});
    trace(libc::PTRACE_ATTACH, child, 0);
    wait_for_change(child);
    trace(libc::PTRACE_DETACH, child, 0);
    let tracer = fork(|| {
        trace(libc::PTRACE_SEIZE, child, libc::PTRACE_O_EXITKILL as usize);
        0
    });
    assert_eq!(wait(tracer), 0);
    assert_eq!(wait(child), libc::SIGKILL);
    json!({ "child": child, "tracer": tracer })
}

/// ptrace, which succeeds. The type of the request is the library's.
pub(super) fn trace(request: impl Into<i64>, pid: i32, data: usize) {
    let request = request.into();
    // SAFETY: none of the requests touches memory.
    let done = unsafe { libc::syscall(libc::SYS_ptrace, request, pid, 0_usize, data) };
    assert_eq!(done, 0, "{request}: {}", std::io::Error::last_os_error());
}

/// The first process of a pid namespace ends while there is another.
pub(super) fn namespace_end() -> Value {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWPID) }, 0);
    let (mut told, mut tell) = pipe();
    let first = fork(|| {
        fork(|| {
            let [own, _] = identity::outside();
            let told = tell.write_all(&own.to_ne_bytes());
            if told.is_ok() { sleep() } else { 1 }
        });
        sleep()
    });
    let mut second = [0; 4];
    told.read_exact(&mut second).unwrap_or_else(|error| panic!("{error}"));
    finish(first);
    json!({ "first": first, "second": i32::from_ne_bytes(second) })
}

/// A process ends, and with it all that ties the group of its child, which is stopped, to its session.
pub(super) fn orphans() -> Value {
    adopt();
    let (mut told, mut tell) = pipe();
    let leader = fork(|| {
        // SAFETY: no memory is involved.
        assert!(unsafe { libc::setsid() } > 0);
        let parent = fork(|| {
            let child = resting(|| {
                // SAFETY: as above.
                assert_eq!(unsafe { libc::setpgid(0, 0) }, 0);
            });
            kill(child, libc::SIGSTOP);
            wait_for_change(child);
            let own = std::process::id().cast_signed();
            i32::from(tell.write_all(&[own, child].map(i32::to_ne_bytes).concat()).is_err())
        });
        wait(parent);
        sleep()
    });
    let mut pids = [[0; 4]; 2];
    told.read_exact(pids.as_flattened_mut()).unwrap_or_else(|error| panic!("{error}"));
    let [parent, child] = pids.map(i32::from_ne_bytes);
    // It is ours once its parent has ended.
    until(|| {
        let mut status = 0;
        // SAFETY: a status to write to.
        let waited = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        waited == child && status == libc::SIGHUP
    });
    finish(leader);
    json!({ "leader": leader, "parent": parent, "child": child })
}
