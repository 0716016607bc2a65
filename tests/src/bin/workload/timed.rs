//! rt_sigtimedwait, but for the siginfos it can tell of.

use serde_json::json;
use sigtrace_tests::integer;
use sigtrace_tests::names::{bits, set};

use crate::abi::{is_narrow, is_x32, long, longs};
use crate::call::{kill, rt_sigprocmask, rt_sigtimedwait};
use crate::errno::{EAGAIN, EFAULT, EINTR, EINVAL};
use crate::memory::{at_page_end, bytes, keep_bytes, not_resident, read_only, untouched};
use crate::pointer::{Ptr, address, nowhere, null, to, to_set, unread, unread_memory, unreadable};
use crate::process::wait;
use crate::script::Script;
use crate::siginfo::Info;
use crate::waiting::{SA_RESTART, USR1, begin_with_handler, sender};

const USR2: i32 = libc::SIGUSR2;

/// A timeout.
pub(crate) fn timeout(sec: i64, nsec: i64) -> Ptr {
    to(
        keep_bytes(&timespec(sec, nsec)),
        if is_x32() {
            // Of whose nanoseconds only the low half counts.
            json!({ "sec": integer::shown(sec), "nsec": nsec as u32 })
        } else {
            json!({ "sec": integer::shown(long(sec)), "nsec": integer::shown(long(nsec)) })
        },
    )
}

/// Its bytes.
fn timespec(sec: i64, nsec: i64) -> Vec<u8> {
    if is_x32() {
        return [sec.to_ne_bytes(), nsec.to_ne_bytes()].concat();
    }
    longs(&[sec.cast_unsigned(), nsec.cast_unsigned()])
}

pub(crate) fn run(_: &[String]) {
    let mut script = begin_with_handler(SA_RESTART);
    let (own, waited) = (script.identity.pid, bits(&[USR2, 64]));
    let set_of = || to_set(waited);
    script.call(rt_sigprocmask(2, set_of(), null(), 8), 0);
    for limit in [timeout(0, 0), timeout(0, 999_999), timeout(0, 1)] {
        script.call(rt_sigtimedwait(set_of(), null(), limit, 8), EAGAIN);
    }
    script.call(rt_sigtimedwait(to_set(0), unread_memory(), timeout(0, 0), 8), EAGAIN);
    script.call(rt_sigtimedwait(to_set(u64::MAX), unread_memory(), timeout(0, 0), 8), EAGAIN);
    for limit in [(-1, 0), (0, -1), (0, 1_000_000_000), (i64::MIN, i64::MAX)] {
        let limit = timeout(limit.0, limit.1);
        script.call(rt_sigtimedwait(set_of(), unread_memory(), limit, 8), EINVAL);
    }
    for size in [0, 4, 7, 16, 128] {
        let [set, info, limit] = [(); 3].map(|()| unread_memory());
        script.call(rt_sigtimedwait(set, info, limit, size), EINVAL);
        // Nor are those looked at that lead nowhere.
        let [set, info, limit] = [0x10, 0x20, 0x30].map(unread);
        script.call(rt_sigtimedwait(set, info, limit, size), EINVAL);
        script.call(rt_sigtimedwait(null(), null(), null(), size), EINVAL);
    }
    script.call(rt_sigtimedwait(null(), null(), timeout(0, 0), 8), EFAULT);
    for nowhere in nowhere() {
        let set = unreadable(nowhere);
        script.call(rt_sigtimedwait(set, unread_memory(), timeout(0, 0), 8), EFAULT);
        script.call(rt_sigtimedwait(set_of(), null(), unreadable(nowhere), 8), EFAULT);
    }
    taken_at_once(&mut script);
    let number = rt_sigtimedwait(null(), null(), null(), 8).number;
    // A handler ends it, SA_RESTART or not, and so do stopping and continuing.
    let other = sender(&script, &[(number, USR1)]);
    script.call(rt_sigtimedwait(set_of(), unread_memory(), null(), 8), EINTR);
    script.sigreturn(waited);
    wait(other);
    let stops = &[(number, libc::SIGSTOP), (0, libc::SIGCONT)];
    let other = sender(&script, stops);
    script.call(rt_sigtimedwait(set_of(), unread_memory(), timeout(1000, 0), 8), EINTR);
    wait(other);
    // What it waited for.
    let other = sender(&script, &[(number, 64)]);
    let info = Info::new(64, 0, json!("SI_USER")).kill(other, 0);
    script.call(rt_sigtimedwait(set_of(), info.gotten(), timeout(1000, 5), 8), 64);
    wait(other);
    script.call(kill(own, USR1), 0);
    script.sigreturn(waited);
    script.end();
}

fn taken_at_once(script: &mut Script) {
    let (own, usr2) = (script.identity.pid, bits(&[USR2]));
    let info = Info::new(USR2, 0, json!("SI_USER")).kill(own, 0);
    let took = i64::from(USR2);
    let mut take = |set: Ptr, info: Ptr, limit: Ptr, ret: i64| {
        script.call(kill(own, USR2), 0);
        script.call(rt_sigtimedwait(set, info, limit, 8), ret);
    };
    take(to_set(usr2), null(), null(), took);
    take(to_set(usr2), info.gotten(), timeout(0, 0), took);
    take(to_set(u64::MAX), info.gotten(), timeout(i32::MAX.into(), 0), took);
    if !is_narrow() {
        take(to_set(u64::MAX), info.gotten(), timeout(i64::MAX, 0), took);
    }
    // Nothing of it resident before the call.
    let set_page = not_resident(&bytes(usr2));
    let time_page = not_resident(&timespec(7, 8));
    let shown = json!({ "sec": 7, "nsec": 8 });
    let room = to(untouched(), info.shown());
    take(to(set_page, set(usr2)), room, to(time_page, shown), took);
    // The kernel writes all 128 bytes.
    take(to_set(usr2), to(at_page_end(&[0; 128]), info.shown()), null(), took);
    // The signal is taken though the call fails.
    take(to_set(usr2), unread(address(read_only(&[0; 128]))), timeout(0, 0), EFAULT);
    take(to_set(usr2), unread(address(at_page_end(&[0; 100]))), timeout(0, 0), EFAULT);
    for nowhere in nowhere() {
        take(to_set(usr2), unread(nowhere), timeout(0, 0), EFAULT);
    }
    let limit = timeout(0, 0);
    script.call(rt_sigtimedwait(to_set(usr2), unread_memory(), limit, 8), EAGAIN);
}
