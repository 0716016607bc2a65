//! Steps from sigtrace's events.

use serde_json::{Map, Value, json};
use sigtrace_tests::{integer, names};

use crate::step::{END, Source, Step, TAKE, failed, returned, unknown};

/// What strace has words for of a signal that is taken: not the handler, nor since when it was pending.
const TAKEN: &[&str] = &["sig", "signo", "info"];
/// The same of one that ends a process.
const ENDED: &[&str] = &["sig", "signo", "core_dumped"];

/// An event in neutral form.
pub(crate) fn step(event: &Value) -> Step<'_> {
    match event["event"].as_str() {
        Some("deliver") => fate(TAKE, TAKEN, event),
        Some("exit") => fate(END, ENDED, event),
        _ => call(event),
    }
}

fn call(event: &Value) -> Step<'_> {
    let name = event["syscall"].as_str().unwrap_or_default();
    let args = event["args"].as_object().into_iter().flatten();
    let args = args.map(|(name, value)| member(name, value)).collect();
    Step::call(name, args, outcome(event), Source::Sigtrace(event))
}

/// What a signal does to a thread.
fn fate<'a>(name: &'a str, keys: &[&str], event: &'a Value) -> Step<'a> {
    let args = keys.iter().map(|key| member(key, &event[*key])).collect();
    Step::fate(name, args, Source::Sigtrace(event))
}

/// Flags in alphabetical order. Sets are in the order of their numbers already. Of a siginfo the signal that is
/// written in it, as that is the one which strace shows.
fn member(name: &str, value: &Value) -> (String, Value) {
    let neutral = match value {
        Value::Object(members) => {
            let mut members: Map<_, _> =
                members.iter().map(|(name, value)| member(name, value)).collect();
            if let Some(written) = members.shift_remove("written_signo") {
                let name = written.as_i64().and_then(|signo| i32::try_from(signo).ok());
                members.insert("sig".into(), name.map_or(Value::Null, names::signal));
                members.insert("signo".into(), written);
            }
            members.into()
        }
        Value::Array(flags) if matches!(name, "flags" | "band") => sorted(flags).into(),
        value => value.clone(),
    };
    (name.into(), neutral)
}

fn sorted(flags: &[Value]) -> Vec<Value> {
    let mut flags = flags.to_vec();
    flags.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    flags
}

/// The name of an error has to be that of its number. A return that was missed, or has not come, is
/// no outcome that strace has a word for.
fn outcome(event: &Value) -> Value {
    if let Some(how) = event.get("return") {
        return json!({ "return": how });
    }
    match (integer::read(&event["ret"]), &event["error"]) {
        (Some(ret), Value::String(error)) => {
            if names::error(ret) == Some(error) {
                failed(error)
            } else {
                json!([ret, error])
            }
        }
        (Some(ret), _) => returned(ret),
        _ => unknown(),
    }
}
