//! Processes that end by a signal.

use serde_json::{Value, json};

use super::parts::{any_of, described, integer, names, names_or, object, or_null, reference};
use crate::{decode::Reason, names::audit_arch};

/// The event of such an end.
pub(super) fn exit() -> Value {
    let mut exit = object([
        ("event", json!({ "const": "exit" })),
        ("id", described("Unique in a run.", reference("id"))),
        ("time", described("When the last thread ended.", reference("time"))),
        ("seq", described("Its position among the events that have one.", reference("uint64"))),
        ("cpu", described("The processor that it ended on.", reference("uint32"))),
        (
            "generate",
            described(
                "The `id` of the signal as it was sent, whose event need not be in the stream; null if it \
                 is not known, or neither `generate` nor `deliver` is among --events. Of `sigtrace who`, the \
                 signal itself.",
                any_of(vec![reference("id"), reference("sent"), json!({ "type": "null" })]),
            ),
        ),
        (
            "reason",
            described(
                "`signal`, or what ended it where the kernel sends none.",
                names(Reason::NAMES),
            ),
        ),
        ("sig", described("The signal that ended it.", reference("signal"))),
        ("signo", described("Its number.", integer(1, 64))),
        ("core_dumped", described("Whether its memory was dumped.", json!({ "type": "boolean" }))),
        ("process", reference("process")),
    ]);
    exit["properties"]["request"] = described(
        "The call that the signal was sent in, as far as its registers tell; null if it was sent in none. \
         Only of `sigtrace who`.",
        or_null(object([
            ("syscall", json!({ "type": "string" })),
            ("args", json!({ "type": "object" })),
        ])),
    );
    exit["properties"]["refused_call"] = described(
        "The system call that the filter refused; present only with the reason `seccomp`.",
        refused_call(),
    );
    exit["if"] = json!({ "properties": { "reason": { "const": "seccomp" } } });
    exit["then"] = json!({ "required": ["refused_call"] });
    exit["else"] = json!({ "not": { "required": ["refused_call"] } });
    exit
}

fn refused_call() -> Value {
    let names_of_arch = audit_arch::NAMES.map(|(_, name)| name);
    object([
        ("syscall", described("Its number.", reference("int32"))),
        ("arch", names_or(names_of_arch, reference("hex"))),
        (
            "syscall_name",
            described("Its name; null if it has none.", or_null(json!({ "type": "string" }))),
        ),
    ])
}
