//! sigaltstack.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde_json::{Value, json};
use sigtrace_tests::integer;
use sigtrace_tests::names::{SS, flags, pointer};

use crate::abi::{longs, natively, word};
use crate::action::{Action, SA_ONSTACK, SA_SIGINFO};
use crate::call::{Call, kill, rt_sigaction, sigaltstack};
use crate::errno::{EFAULT, EINVAL, ENOMEM, EPERM};
use crate::masks;
use crate::memory::{at_page_end, keep, keep_bytes, not_resident, read_only, untouched};
use crate::pointer::{Ptr, address, nowhere, null, to, unread, unread_memory, unreadable};
use crate::script::Script;

const ONSTACK: u32 = 1;
const DISABLE: u32 = 2;
const AUTODISARM: u32 = 0x8000_0000;
/// No stack at all, as it is told to be and as it is told of.
pub(crate) const NONE: Stack = Stack { sp: 0, flags: DISABLE, size: 0 };

#[derive(Clone, Copy)]
pub(crate) struct Stack {
    pub(crate) sp: u64,
    pub(crate) flags: u32,
    pub(crate) size: u64,
}

impl Stack {
    pub(crate) fn shown(self) -> Value {
        let flags = flags(self.flags.into(), SS);
        json!({ "sp": pointer(word(self.sp)), "flags": flags, "size": integer::shown(word(self.size)) })
    }

    /// With garbage where the structure has nothing.
    pub(crate) fn bytes(self) -> Vec<u8> {
        longs(&[self.sp, u64::from(self.flags) | 0xdead_beef << 32, self.size])
    }

    pub(crate) fn given(self) -> Ptr {
        to(keep_bytes(&self.bytes()), self.shown())
    }

    pub(crate) fn gotten(self) -> Ptr {
        to(keep_bytes(&[0x55; 24]), self.shown())
    }
}

pub(crate) fn run(_: &[String]) {
    let mut script = Script::begin();
    let stack = Stack { sp: address(keep([0_u8; 65536])), flags: 0, size: 65536 };
    script.call(sigaltstack(NONE.given(), null()), 0);
    let mut old = NONE;
    for flags in [0, ONSTACK, AUTODISARM, AUTODISARM | ONSTACK] {
        let new = Stack { flags, ..stack };
        script.call(sigaltstack(new.given(), old.gotten()), 0);
        // SS_ONSTACK has no effect.
        old = Stack { flags: flags & AUTODISARM, ..stack };
    }
    script.call(sigaltstack(null(), old.gotten()), 0);
    script.call(sigaltstack(null(), null()), 0);
    for flags in [3, 4, 0x7fff_fffe, 0x8000_0003] {
        script.call(sigaltstack(Stack { flags, ..stack }.given(), unread_memory()), EINVAL);
    }
    script.call(sigaltstack(Stack { size: 2047, ..stack }.given(), unread_memory()), ENOMEM);
    // Neither address nor size matter to a stack that is none.
    for (size, before) in [(1, old), (u64::MAX, NONE)] {
        let none = Stack { flags: DISABLE, sp: u64::MAX, size };
        script.call(sigaltstack(none.given(), before.gotten()), 0);
    }
    for nowhere in nowhere() {
        script.call(sigaltstack(unreadable(nowhere), unread_memory()), EFAULT);
        script.call(sigaltstack(null(), unread(nowhere)), EFAULT);
    }
    script.call(sigaltstack(NONE.given(), unread(address(read_only(&[0; 24])))), EFAULT);
    let none = NONE.bytes();
    let cut = address(at_page_end(&none[..none.len() - 1]));
    script.call(sigaltstack(unreadable(cut), null()), EFAULT);
    let old = || Stack { flags: DISABLE, ..NONE }.shown();
    script.call(sigaltstack(to(at_page_end(&none), NONE.shown()), to(untouched(), old())), 0);
    script.call(sigaltstack(to(not_resident(&none), NONE.shown()), null()), 0);
    natively(|| in_use(&mut script, stack));
    script.end();
}

/// What the handler found: the address of its structure and what the call returned.
static ROOM: AtomicU64 = AtomicU64::new(0);
static RETURNED: AtomicI64 = AtomicI64::new(0);

/// Asks for another stack while running on one.
extern "C" fn on_it(_: i32) {
    masks::in_handler();
    let room = ROOM.load(Ordering::Relaxed) as usize;
    // SAFETY: a stack to read from.
    let ret = unsafe { libc::syscall(libc::SYS_sigaltstack, room, 0_usize) };
    // SAFETY: the thread's own errno.
    let errno = unsafe { *libc::__errno_location() };
    RETURNED.store(if ret == 0 { 0 } else { -i64::from(errno) }, Ordering::Relaxed);
}

fn in_use(script: &mut Script, stack: Stack) {
    let given = NONE.given();
    ROOM.store(given.address, Ordering::Relaxed);
    let handler = Action::calling(on_it, SA_ONSTACK | SA_SIGINFO);
    script.call(rt_sigaction(libc::SIGUSR1, handler.given(), null(), 8), 0);
    script.call(sigaltstack(stack.given(), null()), 0);
    script.call(kill(script.identity.pid, libc::SIGUSR1), 0);
    let refused: Call = sigaltstack(given, null());
    script.state("sigaltstack", refused.args_now(), Some(EPERM));
    assert_eq!(RETURNED.load(Ordering::Relaxed), EPERM);
    script.sigreturn(0);
    script.call(sigaltstack(NONE.given(), stack.gotten()), 0);
}
