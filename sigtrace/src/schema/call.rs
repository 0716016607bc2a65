//! A system call.

use serde_json::{Value, json};
use sigtrace_common::{Abi, Kind, Outcome, SYSCALLS};

use super::{
    args,
    generate::handler,
    parts::{Named, described, flags, integer, names, object, or_null, reference},
    siginfo,
};
use crate::{
    decode::Comm,
    names::{errno, sa_flags::SA, signal},
};

/// The event of a call.
pub(super) fn call() -> Value {
    let mut call = object(keys());
    call["properties"]["return"] = described(
        "Present only if there is no result: no probe saw the call return, or it was still under way.",
        names(["missed", "unfinished"]),
    );
    for (key, what) in [("ns_pid", "Calling process"), ("ns_tid", "Calling thread")] {
        let text = format!(
            "{what}, in its own pid namespace; present only if that is not the initial one."
        );
        call["properties"][key] = described(&text, reference("uint32"));
    }
    for (key, what) in [
        ("caller", "With --context: the calling process; null if it is not known for certain."),
        (
            "target",
            "With --context: the process that the call names, likewise; only in calls that can.",
        ),
    ] {
        call["properties"][key] = described(what, or_null(reference("party")));
    }
    call["dependentRequired"] =
        json!({ "ns_pid": ["ns_tid"], "ns_tid": ["ns_pid"], "target": ["caller"] });
    reach(&mut call);
    call["properties"]["generate"] = siginfo::taken();
    mask_change(&mut call);
    action(&mut call);
    call["allOf"] = json!([results(), masks(), actions(), takes(), reference(args::BY_CALL)]);
    call
}

/// The event of the return of a call.
pub(super) fn returned() -> Value {
    const REPEATED: [&str; 8] =
        ["seq", "syscall", "pid", "tid", "args", "ret", "error", "duration_ns"];
    let time = "When the call returned; if that was missed, when this was noticed.";
    let header = [
        ("event", json!({ "const": "return" })),
        ("request", described("The `id` of the call's event.", reference("id"))),
        ("time", described(time, reference("time"))),
    ];
    let repeated = keys().into_iter().filter(|(key, _)| REPEATED.contains(key));
    let mut returned = object(header.into_iter().chain(repeated));
    returned["properties"]["return"] =
        described("Present only if no probe saw the call return.", names(["missed"]));
    reach(&mut returned);
    returned["properties"]["generate"] = siginfo::taken();
    mask_change(&mut returned);
    action(&mut returned);
    returned["allOf"] = json!([results(), masks(), actions(), takes(), reference(args::BY_CALL)]);
    returned
}

/// The keys of calls that send signals.
fn reach(event: &mut Value) {
    let number = || or_null(reference("uint32"));
    event["properties"]["reached"] = described(
        "How many processes, or threads if it names one, it sent a signal to, null if more than can be \
         counted; present only in calls that send signals, if `generate` is among --events, and the return was seen.",
        number(),
    );
    event["properties"]["refused"] = described(
        "How many it was not allowed to; null where the kernel does not say. Present with `reached`.",
        number(),
    );
}

/// Which calls say which signal they took, and when: those that return its number, if they did take one.
fn takes() -> Value {
    let taking = SYSCALLS.iter().filter(|row| row.outcome == Outcome::Signal);
    json!({
        "if": { "required": ["generate"] },
        "then": { "properties": {
            "syscall": names(taking.map(|row| row.name)),
            "ret": integer(1, signal::MAX),
        } },
    })
}

const MASK_CHANGE: [(&str, &str); 2] = [
    ("mask_blocked", "The signals that the thread blocks after the call and did not before"),
    ("mask_unblocked", "The signals that it blocked before the call and does not after"),
];

/// The keys of calls that say what a signal does.
fn action(event: &mut Value) {
    let from_to = |schema: Value| or_null(object([("from", schema.clone()), ("to", schema)]));
    let changed = object([
        ("handler", from_to(handler("`sa_handler`."))),
        ("flags", from_to(flags(&SA))),
        ("mask", from_to(reference("set"))),
    ]);
    event["properties"]["changed"] = described(
        "What was so before and what is now, each null if the call did not change it; present only in calls \
         that change what a signal does, null if that failed, was not seen to return, only asked, or without \
         BTF. Another thread can have changed it as the call began.",
        or_null(changed),
    );
    event["properties"]["handler_at"] = described(
        "Where the handler is that a signal is given; present only with --context, in calls that say what a \
         signal does; null if it is none, or not in a file.",
        or_null(reference("code")),
    );
}

/// Which calls have the first of them, and which may have the other.
fn actions() -> Value {
    let changing = SYSCALLS.iter().filter(|row| {
        row.position(Kind::Sigaction).is_some() || row.position(Kind::OldSigaction).is_some()
    });
    let giving = SYSCALLS.iter().filter(|row| row.gives_action()).map(|row| row.name);
    let is = |rows: Vec<&'static str>| json!({ "properties": { "syscall": names(rows) } });
    let has = |key: &str| json!({ "required": [key] });
    json!({
        "allOf": [
            {
                "if": is(changing.map(|row| row.name).collect()),
                "then": has("changed"),
                "else": { "not": has("changed") },
            },
            { "if": has("handler_at"), "then": is(giving.collect()) },
        ],
    })
}

/// The keys of calls that change the mask.
fn mask_change(event: &mut Value) {
    for (key, what) in MASK_CHANGE {
        let text = format!(
            "{what}; present only in calls that change the mask, null if the return was not seen, or \
             without BTF."
        );
        event["properties"][key] = described(&text, or_null(reference("set")));
    }
}

/// Which calls have them.
fn masks() -> Value {
    let keys = MASK_CHANGE.map(|(key, _)| key);
    let changing = SYSCALLS.iter().filter(|row| row.changes_mask()).map(|row| row.name);
    json!({
        "if": { "properties": { "syscall": names(changing) } },
        "then": { "required": keys },
        "else": { "not": { "anyOf": keys.map(|key| json!({ "required": [key] })) } },
    })
}

/// What every call has, in the order of the output.
fn keys() -> [Named; 18] {
    let seen = |what, schema| described(what, schema);
    [
        ("event", json!({ "const": "syscall" })),
        ("id", seen("Identifies the call; unique in a run.", reference("id"))),
        ("time", seen("When the call was entered.", reference("time"))),
        (
            "seq",
            seen(
                "Counts calls, returns, ends of processes, repeated calls and blind periods, from 0, \
                 without gaps.",
                reference("uint64"),
            ),
        ),
        ("cpu", seen("The processor on which it was entered.", reference("uint32"))),
        ("syscall", seen("The kernel's name.", names(SYSCALLS.iter().map(|row| row.name)))),
        ("abi", seen("How the caller entered the kernel.", names(Abi::ALL.map(Abi::name)))),
        ("pid", seen("Calling process, in the initial pid namespace.", reference("uint32"))),
        ("tid", seen("Calling thread, in the initial pid namespace.", reference("uint32"))),
        (
            "ppid",
            seen(
                "The caller's parent; null if it has none, or without BTF.",
                or_null(integer(1, u32::MAX)),
            ),
        ),
        ("uid", seen("Real user id, in the initial user namespace.", reference("uint32"))),
        ("gid", seen("Real group id, in the initial user namespace.", reference("uint32"))),
        (
            "comm",
            seen("The thread's name, which its user chooses; invalid UTF-8 is replaced.", comm()),
        ),
        ("cgroup", seen("The id of the caller's cgroup (version 2).", reference("uint64"))),
        ("args", seen("The arguments by the kernel's names.", json!({ "type": "object" }))),
        ("ret", seen("What the kernel function returned.", or_null(reference("int64")))),
        ("error", seen("The error, if `ret` is one.", error())),
        ("duration_ns", seen("From entry to return.", or_null(reference("uint64")))),
    ]
}

/// A thread's name.
pub(super) fn comm() -> Value {
    json!({ "type": "string", "maxLength": size_of::<Comm>() })
}

/// An error, if there is one.
pub(super) fn error() -> Value {
    json!({ "anyOf": [reference("error"), integer(1, errno::MAX), { "type": "null" }] })
}

/// What is null, and when: calls that were not seen to return have no result and took no known
/// time; some calls never have a result.
fn results() -> Value {
    let without = SYSCALLS.iter().filter(|row| row.outcome == Outcome::Nothing);
    let nothing = json!({ "type": "null" });
    let number = json!({ "type": ["integer", "string"] });
    json!({
        "if": { "required": ["return"] },
        "then": { "properties": { "ret": nothing, "error": nothing, "duration_ns": nothing } },
        "else": {
            "properties": { "duration_ns": number },
            "if": { "properties": { "syscall": names(without.map(|row| row.name)) } },
            "then": { "properties": { "ret": nothing, "error": nothing } },
            "else": { "properties": { "ret": number } },
        },
    })
}
