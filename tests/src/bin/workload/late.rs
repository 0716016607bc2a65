//! Inputs that are not resident when their call begins, and may be something else when it returns.

use std::ptr;
use std::sync::mpsc::{self, Sender};
use std::thread;

use serde_json::{Value, json};
use sigtrace_tests::names::{bits, set};

use crate::action::{Action, DEFAULT, SIG_IGN};
use crate::call::{
    kill, rt_sigaction, rt_sigprocmask, rt_sigqueueinfo, rt_sigsuspend, rt_sigtimedwait,
    sigaltstack, signalfd4,
};
use crate::errno::{EAGAIN, EFAULT, ERESTARTNOHAND};
use crate::memory::{bytes, not_resident, read_only, untouched};
use crate::pointer::{Ptr, address, gets_set, null, to, to_set, unread, unreadable};
use crate::process::{fd, wait_until_asleep_in};
use crate::script::Script;
use crate::siginfo::Info;
use crate::stack::{NONE, Stack};
use crate::timed::timeout;
use crate::waiting::{SA_RESTART, begin_with_handler};

const BLOCK: i32 = 0;
const UNBLOCK: i32 = 1;
const SETMASK: i32 = 2;
const HUP: i32 = libc::SIGHUP;
const USR1: i32 = libc::SIGUSR1;
const USR2: i32 = libc::SIGUSR2;

pub(crate) fn run(_: &[String]) {
    let mut script = begin_with_handler(0);
    masks(&mut script);
    actions(&mut script);
    stacks(&mut script);
    waits(&mut script);
    script.end();
    let (sender, about_to_wait) = mpsc::channel();
    let other = thread::spawn(move || beside_another_thread(&sender));
    let Ok(Waiting { tid, number, mask }) = about_to_wait.recv() else {
        panic!("the other thread is gone")
    };
    wait_until_asleep_in(tid, number);
    // SAFETY: a page that can be written and is never unmapped.
    unsafe { ptr::with_exposed_provenance_mut::<u64>(mask).write(bits(&[USR2])) };
    let own = std::process::id();
    // SAFETY: no memory is involved.
    unsafe { libc::syscall(libc::SYS_tgkill, own, tid, USR1) };
    assert!(other.join().is_ok());
}

/// A thread that is about to wait with a mask at this address.
struct Waiting {
    tid: i32,
    number: libc::c_long,
    mask: usize,
}

/// A page with these bytes that is not resident, and how it is shown when it is given to a call.
fn page(bytes: &[u8], shown: Value) -> Ptr {
    to(not_resident(bytes), shown)
}

/// A value that may be something else than the call was given.
fn late(shown: &Value) -> Value {
    json!({ "read_late": shown })
}

/// Where nothing can be written.
fn nowhere() -> Ptr {
    unread(address(read_only(&[0; 128])))
}

fn masks(script: &mut Script) {
    let (hup, usr1) = (bits(&[HUP]), bits(&[USR1]));
    script.call(rt_sigprocmask(SETMASK, to_set(hup), null(), 8), 0);
    // Input and output are the same memory.
    let both = not_resident(&bytes(usr1));
    script.call(rt_sigprocmask(SETMASK, to(both, set(usr1)), to(both, set(hup)), 8), 0);
    let both = untouched();
    script.call(rt_sigprocmask(SETMASK, to(both, set(0)), to(both, set(usr1)), 8), 0);
    // What is blocked then does not tell what of it was blocked now.
    for (how, before, after) in [(BLOCK, 0, usr1), (UNBLOCK, usr1, 0)] {
        let both = not_resident(&bytes(usr1));
        let given = unreadable(address(both));
        script.call(rt_sigprocmask(how, given, to(both, set(before)), 8), 0);
        script.call(rt_sigprocmask(BLOCK, null(), gets_set(after), 8), 0);
    }
    // They share a part only.
    let both = not_resident(&[[0; 8], bytes(usr1)].concat());
    let shifted = usr1 << 32;
    let (old, new) = (to(both, set(0)), to(both.wrapping_add(4), set(shifted)));
    script.call(rt_sigprocmask(SETMASK, new, old, 8), 0);
    script.call(rt_sigprocmask(SETMASK, to_set(0), gets_set(shifted), 8), 0);
    // The mask changes though the call fails.
    let given = || page(&bytes(usr1), set(usr1));
    script.call(rt_sigprocmask(BLOCK, given(), nowhere(), 8), EFAULT);
    script.call(rt_sigprocmask(SETMASK, to_set(0), gets_set(usr1), 8), 0);
}

fn actions(script: &mut Script) {
    let ignore = Action { handler: SIG_IGN, flags: SA_RESTART, mask: bits(&[USR1]), ..DEFAULT };
    let both = not_resident(&ignore.bytes());
    let (new, old) = (to(both, ignore.shown()), to(both, DEFAULT.shown()));
    script.call(rt_sigaction(USR2, new, old, 8), 0);
    script.call(rt_sigaction(USR2, DEFAULT.given(), ignore.gotten(), 8), 0);
    let given = page(&ignore.bytes(), ignore.shown());
    script.call(rt_sigaction(USR2, given, nowhere(), 8), EFAULT);
    script.call(rt_sigaction(USR2, DEFAULT.given(), ignore.gotten(), 8), 0);
}

fn stacks(script: &mut Script) {
    script.call(sigaltstack(NONE.given(), null()), 0);
    let stack = Stack { sp: 0x10_0000, flags: 0, size: 65_536 };
    let both = not_resident(&stack.bytes());
    script.call(sigaltstack(to(both, stack.shown()), to(both, NONE.shown())), 0);
    let given = page(&NONE.bytes(), NONE.shown());
    script.call(sigaltstack(given, nowhere()), EFAULT);
    script.call(sigaltstack(null(), NONE.gotten()), 0);
}

fn waits(script: &mut Script) {
    let (own, usr2) = (script.identity.pid, bits(&[USR2]));
    script.call(rt_sigprocmask(SETMASK, to_set(usr2), null(), 8), 0);
    let info = Info::new(USR2, 0, json!("SI_USER")).kill(own, 0);
    let given = || page(&bytes(usr2), set(usr2));
    script.call(rt_sigtimedwait(given(), null(), unreadable(0x10), 8), EFAULT);
    script.call(kill(own, USR2), 0);
    let both = not_resident(&bytes(usr2));
    let set_of = unreadable(address(both));
    script.call(rt_sigtimedwait(set_of, to(both, info.shown()), null(), 8), USR2.into());
    // The kernel writes more of a siginfo than it keeps.
    script.call(kill(own, USR2), 0);
    let both = not_resident(&[[0; 96].as_slice(), &bytes(usr2)].concat());
    let set_of = unreadable(address(both) + 96);
    script.call(rt_sigtimedwait(set_of, to(both, info.shown()), null(), 8), USR2.into());
    // The signal is taken though the call fails.
    script.call(kill(own, USR2), 0);
    script.call(rt_sigtimedwait(given(), nowhere(), timeout(0, 0), 8), EFAULT);
    // It has waited, and who else has the file might have changed it.
    let given = page(&bytes(usr2), late(&set(usr2)));
    script.call(rt_sigtimedwait(given, null(), timeout(0, 100_000_000), 8), EAGAIN);
    script.call(rt_sigprocmask(SETMASK, to_set(0), null(), 8), 0);
}

/// Another thread might change all of it, and does.
fn beside_another_thread(sender: &Sender<Waiting>) {
    let mut script = Script::begin();
    let (own, tid) = (script.identity.pid, script.identity.tid);
    let (usr1, usr2) = (bits(&[USR1]), bits(&[USR2]));
    let waited_with = bits(&[HUP, libc::SIGTERM]);
    script.call(rt_sigprocmask(SETMASK, page(&bytes(usr1), set(usr1)), null(), 8), 0);
    script.call(rt_sigprocmask(BLOCK, page(&bytes(usr2), late(&set(usr2))), null(), 8), 0);
    let info = Info::new(0, -1, json!("SI_QUEUE")).rt(4242, 7, 5);
    script.call(rt_sigqueueinfo(own, 0, page(&info.bytes(), late(&info.shown()))), 0);
    let mask = page(&bytes(usr2), late(&set(usr2)));
    let file = script.call_for_number(signalfd4(-1, mask, 8, 0));
    let mask = page(&bytes(usr1), late(&set(usr1)));
    script.call(signalfd4(fd(file), mask, 8, 0), file);

    let mask = not_resident(&bytes(waited_with));
    let call = rt_sigsuspend(to(mask, set(waited_with)), 8);
    let about = Waiting { tid, number: call.number, mask: mask.expose_provenance() };
    assert!(sender.send(about).is_ok());
    script.call_interrupted(call, ERESTARTNOHAND);
    script.sigreturn(usr1 | usr2);
    script.end();
}
