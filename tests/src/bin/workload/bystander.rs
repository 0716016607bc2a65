//! `bystander`: a process that makes one good call of each kind there is for its program, and lives
//! until it is told to end. Whatever others do, all of them are to be told of.

use serde_json::json;
use sigtrace_tests::names::bits;

use crate::abi;
use crate::action::DEFAULT;
use crate::call::{
    kill, pidfd_open, pidfd_send_signal, read_signals, restart_syscall, rt_sigaction,
    rt_sigpending, rt_sigprocmask, rt_sigqueueinfo, rt_sigsuspend, rt_sigtimedwait,
    rt_tgsigqueueinfo, sigaltstack, signalfd, signalfd4, tgkill, tkill,
};
use crate::errno::{EINTR, ERESTARTNOHAND};
use crate::memory::keep_bytes;
use crate::narrow;
use crate::pointer::{gets_set, null, to, to_set};
use crate::process::fd;
use crate::script::Script;
use crate::siginfo::Info;
use crate::stack;
use crate::stage;
use crate::timed::timeout;
#[cfg(not(target_arch = "aarch64"))]
use crate::waiting;
use crate::waiting::begin_with_handler;

const USR1: i32 = libc::SIGUSR1;
const USR2: i32 = libc::SIGUSR2;
/// What its thread blocks.
const BLOCKED: [i32; 2] = [USR1, USR2];

pub(crate) fn run(_: &[String]) {
    let mut script = begin_with_handler(0);
    script.call(rt_sigaction(USR2, DEFAULT.given(), DEFAULT.gotten(), 8), 0);
    sends(&mut script);
    // The first takes away what the run-time library has made.
    script.call(sigaltstack(stack::NONE.given(), null()), 0);
    script.call(sigaltstack(stack::NONE.given(), stack::NONE.gotten()), 0);
    waits(&mut script);
    let blocked = bits(&BLOCKED);
    script.call(rt_sigprocmask(2, to_set(blocked), gets_set(0), 8), 0);
    takes(&mut script);
    script.call(kill(script.identity.pid, USR1), 0);
    script.call_interrupted(rt_sigsuspend(to_set(bits(&[USR2])), 8), ERESTARTNOHAND);
    script.sigreturn(blocked);
    if abi::is_narrow() {
        narrow::bystander::calls(&mut script);
    }
    script.end();
    stage::is_to_go_on();
}

/// Asking whether signals could be sent to itself.
fn sends(script: &mut Script) {
    let own = script.identity.pid;
    let info = Info::new(0, -1, json!("SI_QUEUE")).rt(4242, 7, 5);
    script.call(kill(own, 0), 0);
    script.call(tkill(own, 0), 0);
    script.call(tgkill(own, own, 0), 0);
    script.call(rt_sigqueueinfo(own, 0, info.given()), 0);
    script.call(rt_tgsigqueueinfo(own, own, 0, info.given()), 0);
    let pidfd = fd(script.call_for_number(pidfd_open(own, 0)));
    script.call(pidfd_send_signal(pidfd, 0, info.given(), 0, Some(own)), 0);
}

/// Those that end when a signal comes, or at once.
fn waits(script: &mut Script) {
    #[cfg(not(target_arch = "aarch64"))]
    waiting::pauses(script);
    script.call(restart_syscall(), EINTR);
}

/// Signals that are blocked, looked at and taken.
fn takes(script: &mut Script) {
    let (own, usr2) = (script.identity.pid, bits(&[USR2]));
    let info = Info::new(USR2, 0, json!("SI_USER")).kill(own, 0);
    script.call(kill(own, USR2), 0);
    script.call(rt_sigpending(gets_set(usr2), 8), 0);
    let wait = rt_sigtimedwait(to_set(usr2), info.gotten(), timeout(0, 0), 8);
    script.call(wait, i64::from(USR2));
    let signals = fd(script.call_for_number(signalfd(-1, to_set(0), 8)));
    script.call(signalfd4(signals, to_set(usr2), 8, 0), signals.into());
    script.call(kill(own, USR2), 0);
    let room = to(keep_bytes(&[0; 128]), json!([info.shown()]));
    script.call(read_signals(signals, usr2, room, 128), 128);
}
