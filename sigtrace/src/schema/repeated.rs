//! Merged calls.

use serde_json::{Value, json};
use sigtrace_common::SYSCALLS;

use super::{
    call::{comm, error},
    parts::{described, integer, names, object, or_null, reference},
};

/// The event of merged calls.
pub(super) fn repeated() -> Value {
    let signal = "The signal that they name; null if they name none, or what is none.";
    object([
        ("event", json!({ "const": "repeated" })),
        ("time", described("When this was printed.", reference("time"))),
        ("seq", described("Its position among the events that have one.", reference("uint64"))),
        ("syscall", described("The kernel's name.", names(SYSCALLS.iter().map(|row| row.name)))),
        ("sig", described(signal, or_null(reference("signal")))),
        ("signo", described("Its number; null if they name none.", or_null(reference("int32")))),
        ("pid", described("Calling process, in the initial pid namespace.", reference("uint32"))),
        ("comm", described("The name of the thread that called first.", comm())),
        ("uid", described("Real user id, in the initial user namespace.", reference("uint32"))),
        ("ret", described("What each returned.", or_null(reference("int64")))),
        ("error", described("The error, if `ret` is one.", error())),
        ("first", described("When the first was entered.", reference("time"))),
        ("last", described("When the last was entered.", reference("time"))),
        ("count", described("How many they are.", integer(1, u64::MAX))),
    ])
}
