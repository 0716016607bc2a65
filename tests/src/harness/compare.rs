//! A trace against what a workload says it did.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::check::{CLOCK_ERROR_NS, time_ns};
use super::difference::difference;
use super::trace::{Object, Trace};
use super::workload::Workload;
use crate::expect::{BEGIN, END, Expected};
use crate::integer;

/// After so many differences the rest is not worth reading.
const ENOUGH: usize = 4;

impl Trace {
    /// Asserts that the trace tells of exactly what the workload did: the same calls in the same
    /// order in each of its threads, every event whole.
    #[track_caller]
    pub fn assert_tells_of(&self, workload: &Workload) {
        let mut threads: BTreeMap<i64, Vec<&Expected>> = BTreeMap::new();
        let mut differences = Vec::new();
        for expected in &workload.expected {
            if let Some(problem) = &expected.problem {
                let event = Value::from(expected.event.clone());
                differences.push(format!("  the workload: {problem}\n    {event}\n"));
            }
            let tid = expected.event["tid"].as_i64().unwrap_or_default();
            threads.entry(tid).or_default().push(expected);
        }
        let got = self.between_marks();
        for (tid, expected) in threads {
            let got = got.get(&tid).map_or(&[][..], Vec::as_slice);
            differences.extend(thread(tid, &expected, got));
        }
        if !differences.is_empty() {
            let count = differences.len();
            differences.truncate(ENOUGH);
            let shown = differences.join("");
            panic!("{}: {count} differences\n{shown}\n{}", workload.name, self.stderr);
        }
    }

    /// The calls of each thread between its marks.
    fn between_marks(&self) -> BTreeMap<i64, Vec<&Object>> {
        let mut inside = BTreeSet::new();
        let mut calls: BTreeMap<i64, Vec<&Object>> = BTreeMap::new();
        for call in self.calls() {
            let tid = call["tid"].as_i64().unwrap_or_default();
            let mark = if call["syscall"] == "kill" { call["args"]["pid"].as_i64() } else { None };
            if mark == Some(i64::from(BEGIN)) {
                inside.insert(tid);
            } else if mark == Some(i64::from(END)) {
                inside.remove(&tid);
            } else if inside.contains(&tid) {
                calls.entry(tid).or_default().extend(call.as_object());
            }
        }
        calls
    }
}

/// The differences in one thread.
fn thread(tid: i64, expected: &[&Expected], got: &[&Object]) -> Vec<String> {
    let mut differences = Vec::new();
    for index in 0..expected.len().max(got.len()) {
        let place = format!("  thread {tid}, call {index}:");
        match (expected.get(index), got.get(index)) {
            (Some(expected), Some(got)) => {
                let difference = call(expected, got);
                if !difference.is_empty() {
                    let (wanted, got) =
                        (Value::from(expected.event.clone()), Value::from((*got).clone()));
                    differences.push(format!(
                        "{place}\n{difference}    expected {wanted}\n    got      {got}\n"
                    ));
                }
            }
            (Some(expected), None) => {
                let expected = Value::from(expected.event.clone());
                differences.push(format!("{place} not in the trace\n    expected {expected}\n"));
            }
            (None, Some(got)) => {
                let got = Value::from((*got).clone());
                differences.push(format!("{place} nobody made it\n    got      {got}\n"));
            }
            (None, None) => {}
        }
    }
    differences
}

/// How an event differs from what was expected, its times included.
fn call(expected: &Expected, got: &Object) -> String {
    let mut foreseen = got.clone();
    for key in ["id", "time", "seq", "duration_ns"] {
        foreseen.shift_remove(key);
    }
    if !expected.event.contains_key("cpu") {
        foreseen.shift_remove("cpu");
    }
    let mut lines = difference(&Value::from(expected.event.clone()), &Value::from(foreseen));
    // The check of every line has seen to it that there is a time.
    let entered = time_ns(got).unwrap_or_default();
    let returned = entered + integer::read::<u64>(&got["duration_ns"]).unwrap_or_default();
    if entered + CLOCK_ERROR_NS < expected.after_ns
        || expected.before_ns.is_some_and(|before| returned > before + CLOCK_ERROR_NS)
    {
        lines.push_str(&format!(
            "    time: expected {} to {:?}, got {entered} to {returned}\n",
            expected.after_ns, expected.before_ns
        ));
    }
    lines
}
