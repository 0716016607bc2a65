//! What rt_sigtimedwait says of signals that the kernel made.

use std::ptr;

use serde_json::json;
use sigtrace_tests::names::bits;

use crate::call::{kill, rt_sigprocmask, rt_sigqueueinfo, rt_sigtimedwait, tgkill, tkill};
use crate::pointer::{Ptr, null, to_set};
use crate::process::{self, fork, wait, wait_until_state};
use crate::script::Script;
use crate::siginfo::{self, Info};

const USR1: i32 = libc::SIGUSR1;
const CHLD: i32 = libc::SIGCHLD;

pub(crate) fn run(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    script.call(rt_sigprocmask(2, to_set(u64::MAX), null(), 8), 0);

    let sent = |code, name| Info::new(USR1, code, json!(name));
    script.call(kill(own, USR1), 0);
    take(&mut script, USR1, sent(0, "SI_USER").kill(own, 0).gotten());
    script.call(tgkill(own, own, USR1), 0);
    take(&mut script, USR1, sent(-6, "SI_TKILL").rt(own, 0, 0).gotten());
    script.call(tkill(own, 64), 0);
    take(&mut script, 64, Info::new(64, -6, json!("SI_TKILL")).rt(own, 0, 0).gotten());
    // Several of one real-time signal come in the order they were sent.
    let values = [u64::MAX, 0, 0x7fff_0000_0001];
    let queued = |value| Info::new(34, -1, json!("SI_QUEUE")).rt(own, 0, value);
    for value in values {
        script.call(rt_sigqueueinfo(own, 34, queued(value).given()), 0);
    }
    for value in values {
        take(&mut script, 34, queued(value).gotten());
    }
    children(&mut script);
    timers(&mut script);
    descriptors(&mut script);
    script.end();
}

fn take(script: &mut Script, signo: i32, info: Ptr) {
    script.call(rt_sigtimedwait(to_set(bits(&[signo])), info, null(), 8), i64::from(signo));
}

/// SIGCHLD. The time a child took is not known before.
fn children(script: &mut Script) {
    let changed = |code: i32, name: &'static str, pid: i32, status: i32| {
        siginfo::filled(move |times| {
            assert!((0..1000).contains(&times.0) && (0..1000).contains(&times.1), "{times:?}");
            Info::new(CHLD, code, json!(name)).child(pid, 0, status, times)
        })
    };
    let child = script.off_the_record(|| fork(|| 3));
    take(script, CHLD, changed(1, "CLD_EXITED", child, 3));
    wait(child);
    let child = script.off_the_record(|| fork(process::sleep));
    for (signo, code, name) in [
        (libc::SIGSTOP, 5, "CLD_STOPPED"),
        (libc::SIGCONT, 6, "CLD_CONTINUED"),
        (libc::SIGKILL, 2, "CLD_KILLED"),
    ] {
        script.call(kill(child, signo), 0);
        if signo == libc::SIGSTOP {
            wait_until_state(child, 'T');
        }
        take(script, CHLD, changed(code, name, child, signo));
    }
    wait(child);
}

fn timers(script: &mut Script) {
    // Once, after a microsecond: struct itimerval.
    let alarm = [0_usize, 0, 0, 1];
    // SAFETY: a timer to read from.
    let set =
        unsafe { libc::syscall(libc::SYS_setitimer, libc::ITIMER_REAL, alarm.as_ptr(), 0_usize) };
    assert_eq!(set, 0);
    take(script, 14, Info::new(14, 128, json!("SI_KERNEL")).kill(0, 0).gotten());

    // struct sigevent: value, signal, SIGEV_SIGNAL; and once, after a nanosecond.
    let value = 0xffff_ffff_8000_0001_u64;
    let mut event = [0_usize; 16];
    event[0] = value as usize;
    event[1] = 36;
    let once = [0_usize, 0, 0, 1];
    let mut timer = 0_i32;
    // SAFETY: structures to read from, a timer to write to.
    unsafe {
        let (clock, event) = (libc::CLOCK_MONOTONIC, event.as_ptr());
        assert_eq!(libc::syscall(libc::SYS_timer_create, clock, event, &raw mut timer), 0);
        let none = ptr::null_mut::<usize>();
        assert_eq!(libc::syscall(libc::SYS_timer_settime, timer, 0, once.as_ptr(), none), 0);
    }
    take(script, 36, Info::new(36, -2, json!("SI_TIMER")).timer(timer, 0, value).gotten());
}

/// A pipe that says when it can be read, and one that nobody reads.
fn descriptors(script: &mut Script) {
    let mut pipe = [0; 2];
    // SAFETY: two descriptors to write to; then calls on them.
    let fd = unsafe {
        assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
        libc::fcntl(pipe[0], libc::F_SETOWN, script.identity.pid);
        libc::fcntl(pipe[0], libc::F_SETFL, libc::O_ASYNC);
        pipe[0]
    };
    let write = || {
        // SAFETY: a byte to read from.
        assert_eq!(unsafe { libc::write(pipe[1], [0_u8].as_ptr().cast(), 1) }, 1);
    };
    const F_SETSIG: i32 = 10;
    write();
    take(script, 29, Info::new(29, 128, json!("SI_KERNEL")).kill(0, 0).gotten());
    for signo in [USR1, 29, 40] {
        // SAFETY: no memory is involved.
        assert_eq!(unsafe { libc::fcntl(fd, F_SETSIG, signo) }, 0);
        write();
        take(script, signo, Info::new(signo, 1, json!("POLL_IN")).poll(0x41, fd).gotten());
    }
    // A signal with codes of its own says that it is none of those.
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::fcntl(fd, F_SETSIG, CHLD) }, 0);
    write();
    take(script, CHLD, Info::new(CHLD, -5, json!("SI_SIGIO")).poll(0x41, fd).gotten());

    // SAFETY: a descriptor of ours; a byte to read from.
    unsafe {
        libc::close(fd);
        assert_eq!(libc::write(pipe[1], [0_u8].as_ptr().cast(), 1), -1);
    }
    let own = script.identity.pid;
    take(script, 13, Info::new(13, 0, json!("SI_USER")).kill(own, 0).gotten());
}
