//! How two tellings of a step differ.

use std::fmt;

use serde_json::Value;

use crate::step::{Source, Step};

/// A step as both tell it, or as one does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    strace: Option<&'a Step<'a>>,
    sigtrace: Option<&'a Step<'a>>,
}

/// One place in which they differ.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// Where: keys with dots between them; nothing for the whole step.
    pub(crate) path: String,
    /// What strace has there.
    pub(crate) strace: Option<Value>,
    /// What sigtrace has there.
    pub(crate) sigtrace: Option<Value>,
}

impl<'a> Pair<'a> {
    /// Of what both tell.
    pub(crate) fn both(strace: &'a Step<'a>, sigtrace: &'a Step<'a>) -> Self {
        Self { strace: Some(strace), sigtrace: Some(sigtrace) }
    }

    /// Of what only strace tells.
    pub(crate) fn only_strace(step: &'a Step<'a>) -> Self {
        Self { strace: Some(step), sigtrace: None }
    }

    /// Of what only sigtrace tells.
    pub(crate) fn only_sigtrace(step: &'a Step<'a>) -> Self {
        Self { strace: None, sigtrace: Some(step) }
    }

    /// The places in which they differ, without mercy.
    pub(crate) fn differences(self) -> Vec<Difference> {
        let mut differences = Vec::new();
        match (self.strace.map(Step::value), self.sigtrace.map(Step::value)) {
            (Some(strace), Some(sigtrace)) => {
                descend(String::new(), Some(&strace), Some(&sigtrace), &mut differences);
            }
            _ => differences.push(self.whole()),
        }
        differences
    }

    /// That of the whole step, of which only one tells.
    pub(crate) fn whole(self) -> Difference {
        let name = |step: Option<&Step<'_>>| step.map(|step| step.name.into());
        let (strace, sigtrace) = (name(self.strace), name(self.sigtrace));
        Difference { path: String::new(), strace, sigtrace }
    }

    /// Whether both tell of it.
    pub(crate) fn is_both(self) -> bool {
        self.strace.is_some() && self.sigtrace.is_some()
    }

    /// The syscall, or which other step it is.
    pub(crate) fn name(self) -> &'a str {
        self.strace.or(self.sigtrace).map_or("", |step| step.name)
    }

    /// The name of the thread, or of its process, which sigtrace tells.
    pub(crate) fn comm(self) -> Option<&'a str> {
        let event = self.event()?;
        event["comm"].as_str().or(event["process"]["comm"].as_str())
    }

    fn event(self) -> Option<&'a Value> {
        match self.sigtrace?.source {
            Source::Sigtrace(event) => Some(event),
            Source::Strace(_) => None,
        }
    }

    /// Whether it is a call that strace did not see end.
    pub(crate) fn killed(self) -> bool {
        self.strace.is_some_and(|step| step.outcome.is_null())
    }

    /// Whether it is a signal before whose action the thread may have been killed.
    pub(crate) fn left_open(self) -> bool {
        self.strace.or(self.sigtrace).is_some_and(|step| step.left_open)
    }

    /// An argument, or something of a signal, as sigtrace has it.
    pub(crate) fn sigtrace_arg(self, name: &str) -> &'a Value {
        self.sigtrace.and_then(|step| step.args.get(name)).unwrap_or(&Value::Null)
    }
}

impl Difference {
    /// Whether strace has nothing there, and sigtrace something.
    pub(crate) fn adds(&self, path: &str) -> bool {
        self.path == path && self.strace.is_none()
    }

    /// Whether sigtrace has nothing there, and strace something.
    pub(crate) fn leaves_out(&self, path: &str) -> bool {
        self.path == path && self.sigtrace.is_none()
    }
}

fn descend(
    path: String,
    strace: Option<&Value>,
    sigtrace: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (strace, sigtrace) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let more = right.keys().filter(|key| !left.contains_key(*key));
            for key in left.keys().chain(more) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                descend(path, left.get(key), right.get(key), found);
            }
        }
        (left, right) if left == right => {}
        (left, right) => {
            found.push(Difference { path, strace: left.cloned(), sigtrace: right.cloned() });
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<Value>| {
            value.as_ref().map_or_else(|| "nothing".into(), Value::to_string)
        };
        let path = if self.path.is_empty() { "all of it" } else { &self.path };
        let (strace, sigtrace) = (text(&self.strace), text(&self.sigtrace));
        write!(f, "{path}: strace has {strace}, sigtrace {sigtrace}")
    }
}

impl fmt::Display for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = |step: Option<&Step<'_>>| {
            step.map_or_else(|| "nothing like it".into(), |step| step.source.to_string())
        };
        writeln!(f, "    strace:   {}", source(self.strace))?;
        write!(f, "    sigtrace: {}", source(self.sigtrace))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_place_is_found() {
        let source = Source::Sigtrace(&Value::Null);
        let step = |args: Value| {
            let args = args.as_object().cloned().unwrap();
            Step::call("kill", args, json!({ "ret": 0 }), source)
        };
        let strace = step(json!({ "act": { "mask": [], "flags": ["A"] }, "sig": 1 }));
        let sigtrace = step(json!({ "act": { "mask": [1], "restorer": null }, "sig": 1 }));
        let found = Pair::both(&strace, &sigtrace).differences();
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "args.act.mask: strace has [], sigtrace [1]",
                "args.act.flags: strace has [\"A\"], sigtrace nothing",
                "args.act.restorer: strace has nothing, sigtrace null",
            ]
        );
        assert!(Pair::both(&strace, &strace).differences().is_empty());
        assert_eq!(Pair::only_strace(&strace).differences().len(), 1);
    }
}
