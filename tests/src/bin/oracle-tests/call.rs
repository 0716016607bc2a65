//! A call in neutral form, whoever told of it.

use std::fmt;

use serde_json::{Map, Value, json};
use sigtrace_tests::integer;

use crate::log::Written;

/// A call, as one of the two tracers tells it.
///
/// Integers are as in events, signals have their numbers and the names of `tests/src/names.rs`, flags are
/// in alphabetical order, what was not read is its address. What a tracer leaves out is not there.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    /// The syscall.
    pub(crate) name: &'a str,
    /// Its arguments by their names.
    pub(crate) args: Map<String, Value>,
    /// What came of it.
    pub(crate) outcome: Value,
    /// Who tells.
    pub(crate) source: Source<'a>,
}

/// A tracer's own words.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// A line, or two, of strace's.
    Strace(&'a Written),
    /// An event of sigtrace's.
    Sigtrace(&'a Value),
}

impl Call<'_> {
    /// What is compared.
    pub(crate) fn value(&self) -> Value {
        json!({ "syscall": self.name, "args": self.args, "outcome": self.outcome })
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strace(Written { name, args, result }) => write!(f, "{name}({args}) = {result}"),
            Self::Sigtrace(event) => write!(f, "{event}"),
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
