//! Code that events name by its address.

use serde_json::{Value, json};

use super::parts::{described, object, or_null, reference};

/// Where it is.
pub(super) fn code() -> Value {
    let text = |what| described(what, json!({ "type": "string" }));
    object([
        (
            "file",
            text(
                "The path of the file that it is mapped from, in its mount namespace, as it was called at most ten \
                 seconds before.",
            ),
        ),
        (
            "deleted",
            described(
                "Whether the file has no name any more, or never had one.",
                json!({ "type": "boolean" }),
            ),
        ),
        ("offset", described("How many bytes into the file it is.", reference("hex"))),
        (
            "symbol",
            described(
                "The function that it is in; null if the file has no symbols, or they could not be read.",
                or_null(json!({ "type": "string" })),
            ),
        ),
        (
            "symbol_offset",
            described(
                "How many bytes behind the beginning of the function it is.",
                or_null(reference("hex")),
            ),
        ),
    ])
}
