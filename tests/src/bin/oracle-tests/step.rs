//! What a thread did, in neutral form, whoever told of it.

use std::fmt;

use serde_json::{Map, Value, json};
use sigtrace_tests::integer;

use crate::log::Entry;

/// The name of the step in which a thread takes a signal.
pub(crate) const TAKE: &str = "take";
/// That of the last one of a thread whose process a signal ends.
pub(crate) const END: &str = "end";
/// That in which a thread stops together with its process. Only strace tells of it.
pub(crate) const STOP: &str = "stop";

/// A step, as one of the two tracers tells it: a call, [`TAKE`], [`END`] or [`STOP`].
///
/// Integers are as in events, signals have their numbers and the names of `tests/src/names.rs`, flags are
/// in alphabetical order, what was not read is its address. What a tracer leaves out is not there.
#[derive(Clone, Debug)]
pub(crate) struct Step<'a> {
    /// The syscall, or which of the others it is.
    pub(crate) name: &'a str,
    /// The arguments of a call by their names, or what there is to say of a signal.
    pub(crate) args: Map<String, Value>,
    /// What came of it.
    pub(crate) outcome: Value,
    /// Whether it is a signal before whose action the thread may have been killed.
    pub(crate) left_open: bool,
    /// Who tells.
    pub(crate) source: Source<'a>,
}

/// A tracer's own words.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// A line, or two, of strace's.
    Strace(&'a Entry),
    /// An event of sigtrace's.
    Sigtrace(&'a Value),
}

impl<'a> Step<'a> {
    /// A call.
    pub(crate) fn call(
        name: &'a str,
        args: Map<String, Value>,
        outcome: Value,
        source: Source<'a>,
    ) -> Self {
        Self { name, args, outcome, left_open: false, source }
    }

    /// What a signal does to a thread: another step than a call.
    pub(crate) fn fate(name: &'a str, args: Map<String, Value>, source: Source<'a>) -> Self {
        Self { name, args, outcome: json!("happened"), left_open: false, source }
    }

    /// What is compared.
    pub(crate) fn value(&self) -> Value {
        json!({ "step": self.name, "args": self.args, "outcome": self.outcome })
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strace(entry) => entry.fmt(f),
            Self::Sigtrace(event) => event.fmt(f),
        }
    }
}

/// The outcome of a call with this result.
pub(crate) fn returned(value: i64) -> Value {
    json!({ "ret": integer::shown(value) })
}

/// The outcome of a call that failed, or is to be made again, with the error of this name.
pub(crate) fn failed(error: &str) -> Value {
    json!({ "error": error })
}

/// The outcome of a call whose end the tracer did not see.
pub(crate) fn unknown() -> Value {
    Value::Null
}
