//! Signals that are sent.

use serde_json::{Value, json};
use sigtrace_common::{Group, SYSCALLS};

use super::parts::{any_of, described, integer, names, object, or_null, reference};
use crate::decode::{Cause, SentOutcome};

/// The event of such a signal.
pub(super) fn generate() -> Value {
    let sends = SYSCALLS.iter().filter(|row| row.is_in(Group::Send)).map(|row| row.name);
    let mut generate = object([
        ("event", json!({ "const": "generate" })),
        ("id", described("Unique in a run.", reference("id"))),
        ("time", described("When it was sent.", reference("time"))),
        ("seq", described("Its position among the events that have one.", reference("uint64"))),
        ("cpu", described("The processor that it was sent on.", reference("uint32"))),
        (
            "request",
            described(
                "The `id` of the call that it is sent in, whose event need not be in the stream; null if \
                 none is, or that is not traced.",
                or_null(reference("id")),
            ),
        ),
        ("sig", described("The signal.", reference("signal"))),
        ("signo", described("Its number.", integer(1, 64))),
        (
            "info",
            described(
                "What comes with it; null if the kernel makes that for a target in another namespace.",
                or_null(reference("siginfo")),
            ),
        ),
        ("directed", described("Whom it is sent to.", names(["process", "thread"]))),
        (
            "outcome",
            described("What became of it.", names(SentOutcome::ALL.map(SentOutcome::name))),
        ),
        (
            "fatal",
            described(
                "Whether it ends the process; null if that was not decided yet.",
                or_null(boolean()),
            ),
        ),
        ("cause", described("Why it is sent.", names(Cause::ALL.map(Cause::name)))),
        ("cause_certain", described("False if something rare could look the same.", boolean())),
        ("call", described("The call that it is sent in; null if none is.", or_null(names(sends)))),
        (
            "sender",
            described(
                "Who sends it, or whose doing it is; null if that is not known, or it is the process \
                 itself.",
                or_null(reference("thread")),
            ),
        ),
        ("forged", described("Whether `info` names another sender than the caller.", boolean())),
        (
            "target",
            described(
                "Whom it is sent to. Of what is sent to a process any thread may take it.",
                reference("thread"),
            ),
        ),
        ("target_state", described("What was true of the target then.", state())),
        (
            "merged_into",
            described(
                "The `id` of the one that is pending already, whose event need not be in the stream; null \
                 if none is, or it is not known which.",
                or_null(reference("id")),
            ),
        ),
    ]);
    generate["properties"]["instruction"] = described(
        "The address of the instruction that the thread was at; present only with --context, null if the signal is \
         not for that.",
        or_null(reference("hex")),
    );
    generate["properties"]["instruction_at"] = described(
        "Where that is; present with `instruction`, null if it is not in a file.",
        or_null(reference("code")),
    );
    generate["properties"]["memory"] =
        described("What is out of memory; present only with the cause `oom`.", memory());
    generate["if"] = json!({ "properties": { "cause": { "const": "oom" } } });
    generate["then"] = json!({ "required": ["memory"] });
    generate["else"] = json!({ "not": { "required": ["memory"] } });
    generate
}

/// Likewise, where the end says it that it caused: without what only lines have.
pub(super) fn embedded() -> Value {
    let mut generate = generate();
    for key in ["event", "seq"] {
        if let Some(properties) = generate["properties"].as_object_mut() {
            properties.shift_remove(key);
        }
        if let Some(required) = generate["required"].as_array_mut() {
            required.retain(|name| name != key);
        }
    }
    generate
}

/// What a process does with a signal.
pub(super) fn handler(text: &str) -> Value {
    described(text, any_of(vec![names(["SIG_DFL", "SIG_IGN"]), reference("address")]))
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

fn state() -> Value {
    object([
        ("blocked", described("The thread blocks the signal.", boolean())),
        ("awaited", described("It waits for it in rt_sigtimedwait.", boolean())),
        ("ignored", described("The process ignores it, or does nothing by default.", boolean())),
        ("handler", handler("What it does.")),
        (
            "namespace_init",
            described(
                "The process is the first of a pid namespace, and has no handler for the signal.",
                boolean(),
            ),
        ),
        ("stopped", described("The process is stopped.", boolean())),
        ("traced", described("The thread is traced.", boolean())),
        ("kernel_thread", described("The thread is one of the kernel's.", boolean())),
    ])
}

fn memory() -> Value {
    object([
        (
            "cgroup",
            described(
                "The id of the memory cgroup; null if it is the machine.",
                or_null(reference("uint64")),
            ),
        ),
        (
            "limit",
            described(
                "How many bytes that may use, if it has a limit.",
                or_null(reference("uint64")),
            ),
        ),
    ])
}
