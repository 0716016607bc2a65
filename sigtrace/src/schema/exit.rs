//! Processes that end by a signal.

use serde_json::{Value, json};

use super::parts::{described, integer, object, reference};

/// The event of such an end.
pub(super) fn exit() -> Value {
    object([
        ("event", json!({ "const": "exit" })),
        ("id", described("Unique in a run.", reference("id"))),
        ("time", described("When the last thread ended.", reference("time"))),
        ("seq", described("Its position among the events that have one.", reference("uint64"))),
        ("cpu", described("The processor that it ended on.", reference("uint32"))),
        ("sig", described("The signal that ended it.", reference("signal"))),
        ("signo", described("Its number.", integer(1, 64))),
        ("core_dumped", described("Whether its memory was dumped.", json!({ "type": "boolean" }))),
        ("process", reference("process")),
    ])
}
