//! How two tellings of a call differ.

use std::fmt;

use serde_json::Value;

use crate::call::{Call, Source};

/// A call as both tell it, or as one does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    strace: Option<&'a Call<'a>>,
    sigtrace: Option<&'a Call<'a>>,
}

/// One place in which they differ.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// Where: keys with dots between them; nothing for the whole call.
    pub(crate) path: String,
    /// What strace has there.
    pub(crate) strace: Option<Value>,
    /// What sigtrace has there.
    pub(crate) sigtrace: Option<Value>,
}

impl<'a> Pair<'a> {
    /// Of what both tell.
    pub(crate) fn both(strace: &'a Call<'a>, sigtrace: &'a Call<'a>) -> Self {
        Self { strace: Some(strace), sigtrace: Some(sigtrace) }
    }

    /// Of what only strace tells.
    pub(crate) fn only_strace(call: &'a Call<'a>) -> Self {
        Self { strace: Some(call), sigtrace: None }
    }

    /// Of what only sigtrace tells.
    pub(crate) fn only_sigtrace(call: &'a Call<'a>) -> Self {
        Self { strace: None, sigtrace: Some(call) }
    }

    /// The places in which they differ, without mercy.
    pub(crate) fn differences(self) -> Vec<Difference> {
        let mut differences = Vec::new();
        match (self.strace.map(Call::value), self.sigtrace.map(Call::value)) {
            (Some(strace), Some(sigtrace)) => {
                descend(String::new(), Some(&strace), Some(&sigtrace), &mut differences);
            }
            _ => differences.push(self.whole()),
        }
        differences
    }

    /// That of the whole call, of which only one tells.
    pub(crate) fn whole(self) -> Difference {
        let name = |call: Option<&Call<'_>>| call.map(|call| call.name.into());
        let (strace, sigtrace) = (name(self.strace), name(self.sigtrace));
        Difference { path: String::new(), strace, sigtrace }
    }

    /// Whether both tell of it.
    pub(crate) fn is_both(self) -> bool {
        self.strace.is_some() && self.sigtrace.is_some()
    }

    /// The syscall.
    pub(crate) fn name(self) -> &'a str {
        self.strace.or(self.sigtrace).map_or("", |call| call.name)
    }

    /// The name of the thread, which sigtrace tells.
    pub(crate) fn comm(self) -> Option<&'a str> {
        self.event()?["comm"].as_str()
    }

    fn event(self) -> Option<&'a Value> {
        match self.sigtrace?.source {
            Source::Sigtrace(event) => Some(event),
            Source::Strace(_) => None,
        }
    }

    /// Whether strace did not see it end.
    pub(crate) fn killed(self) -> bool {
        self.strace.is_some_and(|call| call.outcome.is_null())
    }

    /// An argument as sigtrace has it.
    pub(crate) fn sigtrace_arg(self, name: &str) -> &'a Value {
        self.sigtrace.and_then(|call| call.args.get(name)).unwrap_or(&Value::Null)
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
        let path = if self.path.is_empty() { "the call" } else { &self.path };
        let (strace, sigtrace) = (text(&self.strace), text(&self.sigtrace));
        write!(f, "{path}: strace has {strace}, sigtrace {sigtrace}")
    }
}

impl fmt::Display for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = |call: Option<&Call<'_>>| {
            call.map_or_else(|| "no such call".into(), |call| call.source.to_string())
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
        let call = |args: Value| {
            let args = args.as_object().cloned().unwrap();
            Call { name: "kill", args, outcome: json!({ "ret": 0 }), source }
        };
        let strace = call(json!({ "act": { "mask": [], "flags": ["A"] }, "sig": 1 }));
        let sigtrace = call(json!({ "act": { "mask": [1], "restorer": null }, "sig": 1 }));
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
