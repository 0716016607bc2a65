//! Signals that are taken.

use serde_json::{Value, json};

use super::{
    generate::handler,
    parts::{described, flags, integer, object, or_null, reference},
};
use crate::names::sa_flags::SA;

/// The event of such a signal.
pub(super) fn deliver() -> Value {
    let mut deliver = object([
        ("event", json!({ "const": "deliver" })),
        ("id", described("Unique in a run.", reference("id"))),
        ("time", described("When it was taken.", reference("time"))),
        ("seq", described("Its position among the events that have one.", reference("uint64"))),
        ("cpu", described("The processor that the thread was on.", reference("uint32"))),
        (
            "generate",
            described(
                "The `id` of the signal as it was sent, whose event need not be in the stream; null if it \
                 is not known which that is.",
                or_null(reference("id")),
            ),
        ),
        ("sig", described("The signal.", reference("signal"))),
        ("signo", described("Its number.", integer(1, 64))),
        ("info", described("What comes with it.", reference("siginfo"))),
        ("handler", handler("What the thread does.")),
        ("flags", flags(&SA)),
        (
            "latency_ns",
            described(
                "Since it was sent; null if that is not known.",
                or_null(reference("uint64")),
            ),
        ),
        ("process", described("The thread that takes it.", reference("thread"))),
    ]);
    deliver["properties"]["handler_at"] = described(
        "Where the handler is; present only with --context, null if it is none, or not in a file.",
        or_null(reference("code")),
    );
    deliver
}
