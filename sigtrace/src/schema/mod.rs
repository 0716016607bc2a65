//! `sigtrace schema`: the JSON Schema (draft 2020-12) of a line of the stream.
//!
//! Nothing in it is written a second time. The syscalls and their arguments come from the syscall
//! table, names from [`names`](crate::names), the members of a siginfo from its decoder, and what
//! is counted from the accounting. What JSON makes of each is said here, once a type; the tests
//! hold it against what is printed.
//!
//! It is as strict as it can be: a key that is missing, or one too many, is an error. Whatever
//! hangs on a value (`event`, `syscall`) is an `if` with its `then` rather than one of several
//! alternatives, so that a validator can say what is wrong.

mod accounting;
mod args;
mod call;
mod code;
mod deliver;
mod exit;
mod generate;
mod parts;
mod print;
mod process;
mod repeated;
mod siginfo;
mod structures;
#[cfg(test)]
pub(crate) mod tests;

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::list::EVENTS;
use parts::reference;

/// Prints the schema.
///
/// # Errors
///
/// When `out` fails.
pub fn write(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", print::pretty(&document()))?;
    out.flush()
}

/// The whole schema.
pub fn document() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of sigtrace's JSON output",
        "description": "Exactly what this version prints. Within a major version keys are added, \
                        never renamed or removed: readers must accept keys that are not listed here.",
        "type": "object",
        "properties": { "event": { "enum": EVENTS.map(|(name, _)| name) } },
        "required": ["event"],
        "allOf": EVENTS.map(|(name, _)| json!({
            "if": { "properties": { "event": { "const": name } }, "required": ["event"] },
            "then": reference(name),
        })),
        "$defs": definitions(),
    })
}

/// What schemas refer to by name, the kinds of events first.
fn definitions() -> Map<String, Value> {
    let events = EVENTS.map(|(name, summary)| {
        let schema = match name {
            "return" => call::returned(),
            "generate" => generate::generate(),
            "deliver" => deliver::deliver(),
            "exit" => exit::exit(),
            "repeated" => repeated::repeated(),
            "lost" => accounting::lost(),
            "blind" => accounting::blind(),
            "stats" => accounting::stats(),
            _ => call::call(),
        };
        (name.to_owned(), parts::described(summary, schema))
    });
    let structures = structures::definitions().into_iter().chain(parts::definitions());
    let structures = structures.chain([
        ("process", process::process()),
        ("party", process::party()),
        ("thread", process::thread()),
        ("sent", generate::embedded()),
        ("code", code::code()),
    ]);
    let structures = structures.map(|(name, schema)| (name.to_owned(), schema));
    events.into_iter().chain(args::definitions()).chain(structures).collect()
}
