//! Processes.

use serde_json::Value;

use super::{
    call::comm,
    parts::{Named, described, object, or_null, reference},
};

/// A process.
pub(super) fn process() -> Value {
    object(keys())
}

/// What there is to know of one.
pub(super) fn keys() -> Vec<Named> {
    let id = |what| described(what, reference("uint32"));
    vec![
        ("pid", id("Its id, in the initial pid namespace.")),
        ("start", described("When it began.", reference("time"))),
        ("comm", described("The name of its first thread.", comm())),
        (
            "ppid",
            described(
                "Its parent, in the initial pid namespace; null if it has none.",
                or_null(reference("uint32")),
            ),
        ),
        ("uid", id("Real user id, in the initial user namespace.")),
        ("gid", id("Likewise, the group's.")),
    ]
}
