//! The calls by name, and what they point to. Numbers: `arch/x86/entry/syscalls/syscall_32.tbl` and
//! `arch/arm/tools/syscall.tbl`, which has the same ones.

use serde_json::json;
use sigtrace_tests::names::set;

use crate::action::Action;
use crate::call::Call;
use crate::memory::keep;
use crate::pointer::{Ptr, to};

/// What the old calls know of a set: the first 32 signals.
pub(super) const OLD: u64 = 0xffff_ffff;

pub(super) fn sigaction(signo: i32, act: Ptr, oldact: Ptr) -> Call {
    Call::numbered("sigaction", 67).signal(signo).pointer("act", act).pointer("oldact", oldact)
}

pub(super) fn sigprocmask(how: i32, set: Ptr, oldset: Ptr) -> Call {
    Call::numbered("sigprocmask", 126).how(how).pointer("set", set).pointer("oldset", oldset)
}

pub(super) fn sigpending(set: Ptr) -> Call {
    Call::numbered("sigpending", 73).pointer("set", set)
}

pub(super) fn sigsuspend(unused: [i32; 2], mask: u64) -> Call {
    Call::numbered("sigsuspend", 72)
        .int("unused1", unused[0], json!(unused[0]))
        .int("unused2", unused[1], json!(unused[1]))
        .value("mask", mask, set(mask & OLD))
}

pub(super) fn rt_sigtimedwait_time64(set: Ptr, info: Ptr, timeout: Ptr, sigsetsize: u64) -> Call {
    Call::numbered("rt_sigtimedwait_time64", 421)
        .pointer("set", set)
        .pointer("info", info)
        .pointer("timeout", timeout)
        .size("sigsetsize", sigsetsize)
}

/// To a mask that the call reads.
pub(super) fn to_mask(mask: u32) -> Ptr {
    to(keep(mask), set(mask.into()))
}

/// To room for a mask that the call fills with these bits.
pub(super) fn gets_mask(mask: u32) -> Ptr {
    to(keep(!mask), set(mask.into()))
}

/// The bytes of a `struct old_sigaction`: the mask comes second.
pub(super) fn old(action: Action) -> Vec<u8> {
    let words = [action.handler, action.mask, action.flags, action.restorer];
    words.into_iter().flat_map(|word| word.to_le_bytes().into_iter().take(4)).collect()
}
