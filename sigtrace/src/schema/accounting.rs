//! What was lost, when nothing could be seen, and the whole accounting.

use serde_json::{Value, json};
use sigtrace_common::SYSCALLS;

use super::{
    call::comm,
    parts::{Named, counts, described, names, object, or_null, reference},
};
use crate::{
    agent::{self, Incomplete, Losses, Returns},
    bpf::Mechanism,
    output::Counts,
};

/// The event of losses.
pub(super) fn lost() -> Value {
    let header = [
        ("event", json!({ "const": "lost" })),
        ("time", described("When it was noticed.", reference("time"))),
    ];
    let returns = described("Lost returns of calls printed as unfinished.", reference("uint64"));
    let causes = numbers(Losses::default().causes());
    let mut lost =
        object(header.into_iter().chain(causes).chain([("returns", returns), ("most", most())]));
    lost["properties"]["events"] = described(
        "With --events: lost events of other kinds than calls, by kind.",
        counts(names(agent::kind_names())),
    );
    lost
}

/// Whose the most lost calls were.
fn most() -> Value {
    let of = |what, keys: &[Named]| {
        let lost = [("lost", described("How many of them.", reference("uint64")))];
        described(what, object(keys.iter().cloned().chain(lost)))
    };
    let uid = || reference("uint32");
    let process = [("pid", reference("uint32")), ("comm", comm()), ("uid", uid())];
    let signal = [("sig", or_null(reference("signal"))), ("signo", reference("int32"))];
    described(
        "Whose the most of them were, each by itself; null if the programs could not tell.",
        or_null(object([
            (
                "user",
                of(
                    "The user, in a user namespace its owner, in the initial one.",
                    &[("uid", uid())],
                ),
            ),
            ("process", of("The process.", &process)),
            (
                "syscall",
                of("The syscall.", &[("syscall", names(SYSCALLS.iter().map(|row| row.name)))]),
            ),
            ("signal", or_null(of("The signal that they name; null if none does.", &signal))),
        ])),
    )
}

/// The event of a time in which nothing could be seen.
pub(super) fn blind() -> Value {
    let syscalls = json!({
        "type": "array",
        "items": names(SYSCALLS.iter().map(|row| row.name)),
        "minItems": 1,
        "uniqueItems": true,
    });
    let until = described(
        "When the probes were first known to answer again; null while they do not.",
        or_null(reference("time")),
    );
    object([
        ("event", json!({ "const": "blind" })),
        ("time", described("When the beginning or the end was noticed.", reference("time"))),
        ("seq", described("Its position among the events that have one.", reference("uint64"))),
        ("since", described("When the probes were last known to answer.", reference("time"))),
        ("until", until),
        ("syscalls", described("The syscalls whose probes do not answer.", syscalls)),
        ("reason", described("Why, in words.", json!({ "type": "string", "minLength": 1 }))),
    ])
}

/// The event of the accounting.
pub(super) fn stats() -> Value {
    let syscalls = || names(SYSCALLS.iter().map(|row| row.name));
    let probes = json!({
        "type": "object",
        "propertyNames": syscalls(),
        "additionalProperties": names(Mechanism::ALL.map(Mechanism::name)),
    });
    let lost = object(numbers(Losses::default().causes()));
    let incomplete = object(numbers(Incomplete::default().holes()));
    let returns = object(numbers(Returns::default().counts()));
    let mut stats = object([
        ("event", json!({ "const": "stats" })),
        ("time", described("When the totals were taken.", reference("time"))),
        ("elapsed_ns", described("Since the probes were attached.", reference("uint64"))),
        ("printed", described("Events by syscall.", counts(syscalls()))),
        ("filtered", described("Calls the selection left out.", reference("uint64"))),
        ("merged", described("Calls in the `repeated` events printed.", reference("uint64"))),
        ("lost", described("Calls that were not printed, by cause.", lost)),
        (
            "incomplete",
            described("Events printed with something missing, by what it is.", incomplete),
        ),
        (
            "returns",
            described("Returns of calls printed as unfinished: printed and lost.", returns),
        ),
        ("probes", described("How each selected syscall is probed.", probes)),
    ]);
    let fates = object(numbers(agent::kind_fates(0, 0, 0)));
    stats["properties"]["context"] = described(
        "With --context: processes known, the room for them, how often one was not known, and lost records \
         of processes.",
        object(numbers(agent::context_counts([0; 4]))),
    );
    stats["properties"]["events"] = described(
        "With --events: what became of events of other kinds than calls, by kind.",
        json!({
            "type": "object",
            "propertyNames": names(agent::kind_names()),
            "additionalProperties": fates,
        }),
    );
    stats
}

/// A key for each number.
fn numbers(counts: Counts) -> impl Iterator<Item = Named> {
    counts.into_iter().map(|(name, _)| (name, reference("uint64")))
}
