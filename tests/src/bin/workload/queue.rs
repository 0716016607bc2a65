//! rt_sigqueueinfo and rt_tgsigqueueinfo, and rt_sigtimedwait to see what arrives.

use serde_json::json;
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::names::bits;

use crate::abi::is_narrow;
use crate::arms;
use crate::call::{
    kill, rt_sigprocmask, rt_sigqueueinfo, rt_sigtimedwait, rt_tgsigqueueinfo, tgkill, tkill,
};
use crate::errno::{E2BIG, EAGAIN, EFAULT, EINVAL, EPERM, ESRCH};
use crate::memory::{at_page_end, not_resident};
use crate::pointer::{address, nowhere, null, to, to_set, unreadable};
use crate::process::{fork, wait};
use crate::script::Script;
use crate::siginfo::Info;

const USR1: i32 = libc::SIGUSR1;
const NOBODY: i32 = 0x7fff_fff2;

/// What sigqueue sends.
fn queued(signo: i32) -> Info {
    Info::new(signo, -1, json!("SI_QUEUE")).rt(4242, 7, 0x1_0000_0005)
}

/// Every arm of siginfo, sent to oneself and taken.
pub(crate) fn every_arm(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    script.call(rt_sigprocmask(2, to_set(u64::MAX), null(), 8), 0);
    for (index, info) in arms::all().into_iter().enumerate() {
        let signo = info.signo();
        if index % 2 == 0 {
            script.call(rt_sigqueueinfo(own, signo, info.given()), 0);
        } else {
            script.call(rt_tgsigqueueinfo(own, own, signo, info.given()), 0);
        }
        let taken = info.delivered().gotten();
        let set = to_set(bits(&[signo]));
        script.call(rt_sigtimedwait(set, taken, null(), 8), i64::from(signo));
    }
    script.end();
}

/// Every way of going wrong, and of not looking right.
pub(crate) fn odd_ones(_: &[String]) {
    let mut script = Script::begin();
    let own = script.identity.pid;
    let usr1 = queued(USR1);
    for signo in [0, 1, 9, 64, 65, -1, i32::MAX] {
        let usr1 = || usr1.sent_as(signo).given();
        script.call(rt_sigqueueinfo(NOBODY, signo, usr1()).with_garbage(), ESRCH);
        script.call(rt_tgsigqueueinfo(own, NOBODY, signo, usr1()).with_garbage(), ESRCH);
    }
    for signo in [65, -1, i32::MIN] {
        let usr1 = || usr1.sent_as(signo).given();
        script.call(rt_sigqueueinfo(own, signo, usr1()), EINVAL);
        script.call(rt_tgsigqueueinfo(own, own, signo, usr1()), EINVAL);
    }
    let usr1 = usr1.sent_as(0);
    for pid in [0, -1, i32::MIN] {
        script.call(rt_sigqueueinfo(pid, 0, usr1.given()), ESRCH);
        script.call(rt_tgsigqueueinfo(pid, own, 0, usr1.given()), EINVAL);
        script.call(rt_tgsigqueueinfo(own, pid, 0, usr1.given()), EINVAL);
    }
    script.call(rt_sigqueueinfo(own, 0, null()), EFAULT);
    for nowhere in nowhere() {
        script.call(rt_sigqueueinfo(own, 0, unreadable(nowhere)), EFAULT);
        script.call(rt_tgsigqueueinfo(own, own, 0, unreadable(nowhere)), EFAULT);
    }
    mismatched_numbers(&mut script);
    tails(&mut script);
    pages(&mut script);
    script.end();
    let other = fork(to_others);
    assert_eq!(wait(other), 0);
    let other = fork(full_queue);
    assert_eq!(wait(other), 0);
}

/// The signal is the argument, whatever the siginfo says, and it is by that one that its members are.
fn mismatched_numbers(script: &mut Script) {
    let own = script.identity.pid;
    script.call(rt_sigprocmask(2, to_set(u64::MAX), null(), 8), 0);
    let (chld, segv, io, sys) = (libc::SIGCHLD, libc::SIGSEGV, libc::SIGIO, libc::SIGSYS);
    let of = |signo, code, name: &str| Info::new(signo, code, json!(name));
    for info in [
        queued(USR1).errno(-7).written(0),
        queued(USR1).errno(-7).written(12),
        queued(USR1).errno(-7).written(65),
        queued(USR1).errno(-7).written(-1),
        of(USR1, 1, "POLL_IN").garbage().poll(0x41, 5).written(chld),
        of(chld, 1, "CLD_EXITED").garbage().child(4242, 7, 3, (1, 2)).written(USR1),
        of(segv, 1, "SEGV_MAPERR").garbage().fault(0x1000).written(io),
        of(io, 1, "POLL_IN").garbage().poll(0x41, 5).written(segv),
        of(sys, 1, "SYS_SECCOMP")
            .garbage()
            .sys(0x1000, (62, "kill"), (0xc000_003e, "AUDIT_ARCH_X86_64"))
            .written(i32::MIN),
        of(40, 3, "POLL_MSG").garbage().poll(0x400, -1).written(segv),
        Info::new(40, 7, json!(7)).garbage().kill(4242, 7).written(segv),
        of(chld, -2, "SI_TIMER").garbage().timer(1, 2, 3).written(USR1),
    ] {
        let signo = info.signo();
        for queued in [
            rt_sigqueueinfo(own, signo, info.given()),
            rt_tgsigqueueinfo(own, own, signo, info.given()),
        ] {
            script.call(queued, 0);
            let taken = info.delivered().gotten();
            script.call(rt_sigtimedwait(to_set(bits(&[signo])), taken, null(), 8), signo.into());
        }
    }
    script.call(rt_sigprocmask(2, to_set(0), null(), 8), 0);
}

/// Bytes after the 48th matter only with a code the kernel does not know.
fn tails(script: &mut Script) {
    let own = script.identity.pid;
    let codes = [(USR1, 77), (USR1, 7), (USR1, -8), (USR1, -100), (libc::SIGSYS, 3)];
    for (signo, code) in codes {
        let info = Info::new(signo, code, json!(code));
        let info = match code {
            3 => info.poll(0, 0),
            code if code > 0 => info.kill(0, 0),
            _ => info.rt(0, 0, 0),
        };
        // Signal 0 has no codes of its own, so that some are those of a descriptor.
        let asking = info.sent_as(0);
        let asking = if code == 3 { asking.with_code_shown(json!("POLL_MSG")) } else { asking };
        script.call(rt_sigqueueinfo(own, 0, asking.given()), 0);
        let info = info.with_tail();
        // Not with signal 0, which has no codes of its own.
        script.call(rt_sigprocmask(2, to_set(u64::MAX), null(), 8), 0);
        // Nor with a 32-bit one, which the kernel takes apart.
        if is_narrow() {
            script.call(rt_sigqueueinfo(own, signo, info.given()), 0);
            let taken = info.delivered().gotten();
            script.call(rt_sigtimedwait(to_set(bits(&[signo])), taken, null(), 8), signo.into());
        } else {
            let refused = info.refused_for_rest("nonzero");
            script.call(rt_sigqueueinfo(own, signo, refused.given()), E2BIG);
            // It has to be there, too.
            let refused = refused.refused_for_rest("unreadable");
            let end = at_page_end(&refused.bytes()[..48]);
            script.call(rt_sigqueueinfo(own, signo, to(end, refused.shown())), EFAULT);
        }
        script.call(rt_sigprocmask(2, to_set(0), null(), 8), 0);
    }
    let newer = [
        Info::new(libc::SIGSEGV, 10, json!("SEGV_CPERR")).fault(0x1000),
        Info::new(libc::SIGTRAP, 6, json!("TRAP_PERF")).fault(0x1000).perf(9, 1, true),
        Info::new(libc::SIGSYS, 2, json!("SYS_USER_DISPATCH")).sys(
            0x1000,
            (39, "getpid"),
            (0xc000_003e, "AUDIT_ARCH_X86_64"),
        ),
    ];
    script.call(rt_sigprocmask(2, to_set(u64::MAX), null(), 8), 0);
    for info in newer {
        let (signo, info) = (info.signo(), info.with_tail());
        let known = is_narrow() || Kernel::running().knows_code(signo, info.code());
        if known {
            script.call(rt_sigqueueinfo(own, signo, info.given()), 0);
            let taken = info.delivered().gotten();
            script.call(rt_sigtimedwait(to_set(bits(&[signo])), taken, null(), 8), signo.into());
        } else {
            let refused = info.refused_for_rest("nonzero");
            script.call(rt_sigqueueinfo(own, signo, refused.given()), E2BIG);
        }
    }
    script.call(rt_sigprocmask(2, to_set(0), null(), 8), 0);
}

fn pages(script: &mut Script) {
    let own = script.identity.pid;
    let info = queued(USR1).sent_as(0);
    // The kernel needs no more than 48 bytes, but all of a 32-bit one.
    let needed = if is_narrow() { 128 } else { 48 };
    let end = at_page_end(&info.bytes()[..needed]);
    script.call(rt_sigqueueinfo(own, 0, to(end, info.shown())), 0);
    if is_narrow() {
        let most = at_page_end(&info.bytes()[..127]);
        let refused = info.clone().refused_for_rest("unreadable");
        script.call(rt_sigqueueinfo(own, 0, to(most, refused.shown())), EFAULT);
    }
    let cut = address(at_page_end(&info.bytes()[..47]));
    script.call(rt_sigqueueinfo(own, 0, unreadable(cut)), EFAULT);
    let file = not_resident(&info.bytes());
    script.call(rt_sigqueueinfo(own, 0, to(file, info.shown())), 0);
    let file = not_resident(&info.bytes());
    script.call(rt_tgsigqueueinfo(own, own, 0, to(file, info.shown())), 0);
    // The kernel looks at the siginfo before it looks for the process.
    let file = not_resident(&info.bytes());
    script.call(rt_sigqueueinfo(NOBODY, 0, to(file, info.shown())), ESRCH);
}

/// To others only codes that no kernel or kill would use.
fn to_others() -> i32 {
    let mut script = Script::begin();
    let parent = script.identity.ppid;
    for (code, name) in [(0, "SI_USER"), (128, "SI_KERNEL"), (-6, "SI_TKILL")] {
        let info = Info::new(0, code, json!(name));
        let info = if code < 0 { info.rt(1, 2, 3) } else { info.kill(1, 2) };
        script.call(rt_sigqueueinfo(parent, 0, info.given()), EPERM);
        script.call(rt_tgsigqueueinfo(parent, parent, 0, info.given()), EPERM);
    }
    script.call(rt_sigqueueinfo(parent, 0, queued(0).given()), 0);
    script.call(rt_tgsigqueueinfo(parent, parent, 0, queued(0).given()), 0);
    crate::identity::become_user(1001, 1002);
    script.identity = crate::identity::own();
    script.call(rt_sigqueueinfo(1, 0, queued(0).given()), EPERM);
    script.call(rt_tgsigqueueinfo(1, 1, 0, queued(0).given()), EPERM);
    script.end();
    0
}

/// With room for two signals only.
fn full_queue() -> i32 {
    let limit = libc::rlimit { rlim_cur: 2, rlim_max: 2 };
    // SAFETY: a limit to read from. A user nobody else is has no signals pending.
    unsafe { assert_eq!(libc::setrlimit(libc::RLIMIT_SIGPENDING, &raw const limit), 0) };
    crate::identity::become_user(2001, 2002);
    let mut script = Script::begin();
    let own = script.identity.pid;
    script.call(rt_sigprocmask(2, to_set(u64::MAX), null(), 8), 0);
    script.call(rt_sigqueueinfo(own, 40, queued(40).given()), 0);
    script.call(rt_sigqueueinfo(own, 40, queued(40).given()), 0);
    script.call(rt_sigqueueinfo(own, 40, queued(40).given()), EAGAIN);
    script.call(rt_tgsigqueueinfo(own, own, 40, queued(40).given()), EAGAIN);
    script.call(tgkill(own, own, 40), EAGAIN);
    script.call(tkill(own, 40), EAGAIN);
    script.call(kill(own, 41), 0);
    // kill sends it nevertheless, and so is one below 32, but they come without their siginfo.
    script.call(rt_sigqueueinfo(own, USR1, queued(USR1).given()), 0);
    let taken = Info::new(USR1, 0, json!("SI_USER")).kill(0, 0).gotten();
    script.call(rt_sigtimedwait(to_set(bits(&[USR1])), taken, null(), 8), i64::from(USR1));
    script.end();
    0
}
