//! sigsuspend and rt_sigtimedwait_time64.

use serde_json::json;
use sigtrace_tests::integer;
use sigtrace_tests::names::{bits, set};

use super::call::{rt_sigtimedwait_time64, sigsuspend};
use crate::call::{kill, rt_sigprocmask};
use crate::errno::{EAGAIN, EFAULT, EINTR, EINVAL, ERESTARTNOHAND};
use crate::memory::{at_page_end, bytes, keep, not_resident, read_only, untouched};
use crate::pointer::{Ptr, address, nowhere, null, to, to_set, unread, unread_memory, unreadable};
use crate::process::wait;
use crate::script::Script;
use crate::siginfo::Info;
use crate::waiting::{SA_RESTART, USR1, begin_with_handler, dies_in, sender};

const USR2: i32 = libc::SIGUSR2;

/// sigsuspend.
pub(crate) fn sigsuspends(_: &[String]) {
    let mut script = begin_with_handler(0);
    let (own, usr1) = (script.identity.pid, bits(&[USR1]));
    let blocked = usr1 | 1 | 1 << 63;
    script.call(rt_sigprocmask(2, to_set(blocked), null(), 8), 0);
    for (unused, mask) in [([0, 0], !usr1), ([-1, i32::MIN], 0), ([1, 2], 1 << 31)] {
        script.call(kill(own, USR1), 0);
        script.call_interrupted(sigsuspend(unused, mask), ERESTARTNOHAND);
        script.sigreturn(blocked);
    }
    let number = sigsuspend([0, 0], 0).number;
    // Stopped and continued, it is called again by the kernel.
    let stop = &[(number, libc::SIGSTOP), (0, libc::SIGCONT), (number, USR1)];
    let other = sender(&script, stop);
    script.state_restarted(&sigsuspend([3, 4], 2), ERESTARTNOHAND);
    script.call_interrupted(sigsuspend([3, 4], 2), ERESTARTNOHAND);
    script.sigreturn(blocked);
    wait(other);
    script.end();
    for signo in [libc::SIGTERM, libc::SIGKILL] {
        dies_in(|| sigsuspend([0, 0], 2), signo);
    }
}

/// A `struct __kernel_timespec`: of the nanoseconds half is padding.
pub(super) fn timeout(sec: i64, nsec: u32) -> Ptr {
    to(keep(time(sec, nsec)), json!({ "sec": integer::shown(sec), "nsec": nsec }))
}

fn time(sec: i64, nsec: u32) -> [i64; 2] {
    [sec, (0xdead_beef << 32 | u64::from(nsec)).cast_signed()]
}

/// rt_sigtimedwait_time64.
pub(crate) fn until_after_2038(_: &[String]) {
    let mut script = begin_with_handler(SA_RESTART);
    let waited = bits(&[USR2, 64]);
    let set_of = || to_set(waited);
    script.call(rt_sigprocmask(2, set_of(), null(), 8), 0);
    for limit in [timeout(0, 0), timeout(0, 999_999)] {
        script.call(rt_sigtimedwait_time64(set_of(), unread_memory(), limit, 8), EAGAIN);
    }
    for (sec, nsec) in [(-1, 0), (0, 1_000_000_000), (0, u32::MAX), (i64::MIN, 0)] {
        let limit = timeout(sec, nsec);
        script.call(rt_sigtimedwait_time64(set_of(), null(), limit, 8), EINVAL);
    }
    for size in [0, 4, 7, 16, 128, u64::MAX] {
        let limit = unread_memory();
        script.call(rt_sigtimedwait_time64(unread_memory(), null(), limit, size), EINVAL);
    }
    script.call(rt_sigtimedwait_time64(null(), null(), timeout(0, 0), 8), EFAULT);
    for nowhere in nowhere() {
        let set = unreadable(nowhere);
        script.call(rt_sigtimedwait_time64(set, null(), timeout(0, 0), 8), EFAULT);
        script.call(rt_sigtimedwait_time64(set_of(), null(), unreadable(nowhere), 8), EFAULT);
    }
    let cut = unreadable(address(at_page_end(&[0; 15])));
    script.call(rt_sigtimedwait_time64(set_of(), null(), cut, 8), EFAULT);
    taken_at_once(&mut script);
    let number = rt_sigtimedwait_time64(null(), null(), null(), 8).number;
    let other = sender(&script, &[(number, USR1)]);
    script.call(rt_sigtimedwait_time64(set_of(), unread_memory(), null(), 8), EINTR);
    script.sigreturn(waited);
    wait(other);
    let other = sender(&script, &[(number, 64)]);
    let info = Info::new(64, 0, json!("SI_USER")).kill(other, 0);
    script.call(rt_sigtimedwait_time64(set_of(), info.gotten(), timeout(1 << 33, 5), 8), 64);
    wait(other);
    script.end();
}

fn taken_at_once(script: &mut Script) {
    let (own, usr2) = (script.identity.pid, bits(&[USR2]));
    let info = Info::new(USR2, 0, json!("SI_USER")).kill(own, 0);
    let mut take = |set: Ptr, info: Ptr, limit: Ptr, ret: i64| {
        script.call(kill(own, USR2), 0);
        script.call(rt_sigtimedwait_time64(set, info, limit, 8), ret);
    };
    take(to_set(usr2), null(), null(), USR2.into());
    take(to_set(u64::MAX), info.gotten(), timeout(i64::MAX, 1), USR2.into());
    let set_page = to(not_resident(&bytes(usr2)), set(usr2));
    let [sec, nsec] = time(7, 8);
    let time_page =
        not_resident(&[bytes(sec.cast_unsigned()), bytes(nsec.cast_unsigned())].concat());
    let limit = to(time_page, json!({ "sec": 7, "nsec": 8 }));
    take(set_page, to(untouched(), info.shown()), limit, USR2.into());
    take(to_set(usr2), unread(address(read_only(&[0; 128]))), null(), EFAULT);
}
