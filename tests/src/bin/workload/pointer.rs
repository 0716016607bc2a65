//! Pointer arguments: where they lead, and what is to be said about it.

use serde_json::{Value, json};
use sigtrace_tests::names::{hex, set};

use crate::abi;
use crate::memory::keep;

/// What sigtrace has to show.
pub(crate) enum Shown {
    /// Known before the call.
    Now(Value),
    /// To be read from what the call wrote.
    After(Box<dyn FnOnce() -> Value>),
}

/// A pointer argument.
pub(crate) struct Ptr {
    pub(crate) address: u64,
    pub(crate) shown: Shown,
}

/// NULL.
pub(crate) fn null() -> Ptr {
    Ptr { address: 0, shown: Shown::Now(Value::Null) }
}

/// To something that is to be shown like this.
pub(crate) fn to<T>(object: *const T, shown: Value) -> Ptr {
    Ptr { address: address(object), shown: Shown::Now(shown) }
}

/// To something that the call writes, to be shown as `look` finds it.
pub(crate) fn to_output<T>(object: *const T, look: impl FnOnce() -> Value + 'static) -> Ptr {
    Ptr { address: address(object), shown: Shown::After(Box::new(look)) }
}

/// To a set that the call reads. It is never freed, so that it can be made in the midst of a call.
pub(crate) fn to_set(bits: u64) -> Ptr {
    to(keep(bits), set(bits))
}

/// To room for a set that the call fills with these bits.
pub(crate) fn gets_set(bits: u64) -> Ptr {
    // Anything but that.
    to(keep(!bits), set(bits))
}

/// To where nothing can be read.
pub(crate) fn unreadable(address: u64) -> Ptr {
    Ptr { address, shown: Shown::Now(json!({ "unreadable": hex(address) })) }
}

/// To where nothing is to be read: a size argument is wrong, or it is an output and the call fails.
pub(crate) fn unread(address: u64) -> Ptr {
    Ptr { address, shown: Shown::Now(json!({ "address": hex(address) })) }
}

/// To good memory that nothing is to be read from, for the same reasons.
pub(crate) fn unread_memory() -> Ptr {
    unread(address(keep([0_u64; 16])))
}

/// Its address.
pub(crate) fn address<T>(object: *const T) -> u64 {
    object.addr() as u64
}

/// Addresses nobody can read: each of their own kind.
pub(crate) fn nowhere() -> [u64; 4] {
    // No process has memory at the lowest. Then one of neither half, and the kernel's; where there
    // are no halves, the kernel's of 32-bit machines, and one above what programs get.
    if abi::is_narrow() {
        [0x10, 0xc000_0000, 0xffff_f000, 0xffff_ffff]
    } else {
        [0x10, 0x8000_dead_0000_0000, 0xffff_8880_0000_1000, u64::MAX]
    }
}
