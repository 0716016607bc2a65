//! Processes.

use serde_json::{Value, json};

use super::{
    call::comm,
    parts::{Named, described, names, object, or_null, reference},
};
use crate::join::cgroup::{RUNTIMES, Role};

/// What is told with context, in the order of the output.
const KNOWN: [&str; 10] = [
    "exe",
    "exe_deleted",
    "script",
    "loginuid",
    "cgroup",
    "unit",
    "user_unit",
    "container",
    "ns_pid",
    "parents",
];

/// And with all of it.
const FULL: [&str; 3] = ["cmdline", "cmdline_truncated", "cmdline_redacted"];

/// A process that ended, of which the record itself tells something.
pub(super) fn process() -> Value {
    with_known(own())
}

/// A process and the thread of it that is meant.
pub(super) fn thread() -> Value {
    let tid = described("The thread's id, in the initial pid namespace.", reference("uint32"));
    let mut keys = own();
    keys.insert(1, ("tid", tid));
    with_known(keys)
}

/// What a record itself tells of a process.
fn own() -> Vec<Named> {
    let id = |what| described(what, reference("uint32"));
    let comm = described("The name of its first thread.", comm());
    vec![
        ("pid", id("Its id, in the initial pid namespace.")),
        ("start", start()),
        ("comm", comm),
        ("ppid", ppid("Its parent, in the initial pid namespace; null if it has none.")),
        ("uid", id("Real user id, in the initial user namespace.")),
        ("gid", id("Likewise, the group's.")),
    ]
}

/// A process that calls, or that is named.
pub(super) fn party() -> Value {
    let id = |what| described(what, or_null(reference("uint32")));
    let comm = described("The name of its first thread; null if it is not known.", or_null(comm()));
    let mut party = with_known(vec![
        ("pid", described("Its id, in the initial pid namespace.", reference("uint32"))),
        ("start", start()),
        ("comm", comm),
        ("ppid", ppid("Its parent; null if it has none, and of the target.")),
        ("uid", id("Real user id, in the initial user namespace; null of the target.")),
        ("gid", id("Likewise, the group's.")),
    ]);
    let required = party["required"].as_array_mut();
    required.into_iter().for_each(|required| required.extend(KNOWN.map(Value::from)));
    party
}

fn start() -> Value {
    let text = "When it began; to a hundredth of a second, if that was before tracing.";
    described(text, reference("time"))
}

fn ppid(what: &str) -> Value {
    described(what, or_null(reference("uint32")))
}

/// These keys, and those that come with context, all or none.
fn with_known(keys: Vec<Named>) -> Value {
    let mut process = object(keys);
    for (key, schema) in known() {
        process["properties"][key] = schema;
    }
    let mut dependent = serde_json::Map::new();
    for keys in [&KNOWN[..], &FULL] {
        dependent.extend(keys.iter().map(|key| ((*key).to_owned(), json!(keys))));
    }
    dependent.insert(FULL[0].to_owned(), json!([FULL[1], FULL[2], KNOWN[0]]));
    process["dependentRequired"] = dependent.into();
    process
}

fn known() -> Vec<Named> {
    let text = || json!({ "type": "string" });
    let or_unknown = |what, schema| described(what, or_null(schema));
    let runtime = || {
        let what = "What runs it; null where several name their groups alike.";
        described(what, or_null(names(RUNTIMES)))
    };
    let id = || described("Its id, or its name if it has no other.", text());
    let outermost = or_null(object([("runtime", runtime()), ("id", id())]));
    let probable = "Whether the runtime is only probable, as others can name groups so.";
    let container = object([
        ("runtime", runtime()),
        ("probable", described(probable, json!({ "type": "boolean" }))),
        ("id", id()),
        ("name", or_unknown("Its name, if the path has one.", text())),
        ("pod", or_unknown("The id of its pod.", text())),
        (
            "role",
            described(
                "Whether the process is in it, or supervises it from outside.",
                names(Role::ALL.map(Role::name)),
            ),
        ),
        ("outermost", described("The outermost one, if it is in another.", outermost)),
    ]);
    let parent = object([
        ("pid", described("Its id.", reference("uint32"))),
        ("comm", described("Its name when its child was created.", comm())),
    ]);
    vec![
        (
            "exe",
            or_unknown(
                "With --context: the path of the executable, of a script that of its interpreter; null if it is \
                 not known as a whole.",
                text(),
            ),
        ),
        (
            "exe_deleted",
            or_unknown(
                "Whether that file has no name any more, or never had one.",
                json!({ "type": "boolean" }),
            ),
        ),
        (
            "script",
            or_unknown(
                "The path of a script, as it was given to execve; null if it is none, or began before tracing.",
                text(),
            ),
        ),
        (
            "cmdline",
            or_unknown(
                "With --context full: the arguments, secrets replaced by ***; null if they are not known.",
                json!({ "type": "array", "items": text() }),
            ),
        ),
        ("cmdline_truncated", or_unknown("Whether there are more.", json!({ "type": "boolean" }))),
        ("cmdline_redacted", or_unknown("From how many a secret was taken.", reference("uint32"))),
        ("loginuid", or_unknown("Who logged in; null if nobody has.", reference("uint32"))),
        ("cgroup", or_unknown("The path of the control group (version 2).", text())),
        ("unit", or_unknown("The systemd unit that this is of.", text())),
        ("user_unit", or_unknown("Likewise, the unit of a user's manager.", text())),
        ("container", or_unknown("The container that this is of.", container)),
        (
            "ns_pid",
            or_unknown(
                "Its id in its own pid namespace; null if that is the initial one.",
                reference("uint32"),
            ),
        ),
        (
            "parents",
            or_unknown(
                "Its parent, the parent of that, and so on, up to the leader of its session, as they were when \
                 it was created.",
                json!({ "type": "array", "items": parent, "maxItems": 16 }),
            ),
        ),
    ]
}
