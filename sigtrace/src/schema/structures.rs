//! What arguments point to.

use serde_json::{Value, json};

use sigtrace_common::MAX_SIGNALFD_SIGINFOS;

use super::{
    parts::{Named, any_of, described, flags, names, object, or_null, reference},
    siginfo,
};
use crate::names::{sa_flags::SA, signal, ss_flags::SS};

/// The definition of each structure.
pub(super) fn definitions() -> [Named; 9] {
    [
        ("set", set()),
        ("handler", handler()),
        ("sigaction", sigaction()),
        ("siginfo", siginfo::siginfo()),
        ("received_siginfo", siginfo::received_siginfo()),
        ("stack", stack()),
        ("timespec", timespec()),
        ("signalfd_siginfo", siginfo::signalfd_siginfo()),
        ("signalfd_siginfos", signalfd_siginfos()),
    ]
}

/// A set of signals: either of its forms.
fn set() -> Value {
    any_of(vec![
        json!({
            "description": "The signals in the set, in order.",
            "type": "array",
            "items": reference("signal"),
            "uniqueItems": true,
            "maxItems": signal::MAX,
        }),
        json!({
            "description": "With --sets mask: signal n is bit n - 1.",
            "type": "string",
            "pattern": "^0x[0-9a-f]{16}$",
        }),
    ])
}

fn handler() -> Value {
    any_of(vec![names(["SIG_DFL", "SIG_IGN"]), reference("address")])
}

fn sigaction() -> Value {
    described(
        "struct sigaction: what a signal does.",
        object([
            ("handler", reference("handler")),
            ("flags", flags(&SA)),
            ("restorer", or_null(reference("address"))),
            ("mask", described("Blocked while the handler runs.", reference("set"))),
        ]),
    )
}

fn stack() -> Value {
    described(
        "stack_t: the stack handlers run on.",
        object([
            ("sp", described("Its lowest address.", or_null(reference("address")))),
            ("flags", flags(&SS)),
            ("size", described("In bytes.", reference("uint64"))),
        ]),
    )
}

/// The structures read from a signalfd.
fn signalfd_siginfos() -> Value {
    let rest = described(
        "The address after the last one shown: more was read.",
        object([("address", reference("hex"))]),
    );
    json!({
        "description": "The structures read from a signalfd.",
        "type": "array",
        "items": any_of([reference("signalfd_siginfo"), rest].to_vec()),
        "minItems": 1,
        "maxItems": MAX_SIGNALFD_SIGINFOS + 1,
    })
}

fn timespec() -> Value {
    described(
        "struct timespec, as the caller gave it.",
        object([
            ("sec", described("Seconds.", reference("int64"))),
            ("nsec", described("Nanoseconds.", reference("int64"))),
        ]),
    )
}
