//! What was told against what was written down.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use serde_json::{Map, Value, json};
use sigtrace_tests::death::Death;
use sigtrace_tests::harness::{fits_schema, now_ns, time_ns};

/// A tick of /proc, by the number of which it says when a process began (`USER_HZ`).
const TICK_NS: i128 = 10_000_000;
/// By how much the two clocks may be read apart, in ticks.
const ERROR: i128 = 5;

/// Asserts that each death is told of once as it was written down, and no other.
#[track_caller]
pub(super) fn assert_told(expected: &[(String, Death)], events: &[Value]) {
    let boot_ns = boot_ns();
    let mut untold: Vec<&Value> = events.iter().collect();
    let (mut wanted, mut got) = (BTreeMap::new(), BTreeMap::new());
    for (act, death) in expected {
        let key = format!("{act}: {} (began at {})", death.pid, death.start);
        let of_it;
        (of_it, untold) = untold.into_iter().partition(|event| is_of(event, death, boot_ns));
        let told = match of_it.as_slice() {
            [event] => seen(event, death),
            events => json!(events),
        };
        wanted.insert(key.clone(), written(death, &told));
        got.insert(key, told);
    }
    for (index, event) in untold.iter().enumerate() {
        got.insert(format!("nobody wrote down ({index})"), (*event).clone());
    }
    let problems: Vec<String> =
        events.iter().filter_map(|event| fits_schema(event).err()).collect();
    assert!(!wanted.is_empty(), "a day without a death proves nothing");
    assert!(
        wanted == got && problems.is_empty(),
        "{} deaths, {} written down\n{}{}",
        events.len(),
        wanted.len(),
        difference(&wanted, &got),
        problems.join("\n")
    );
}

/// Whether an event is the end of this process.
fn is_of(event: &Value, death: &Death, boot_ns: i128) -> bool {
    let process = &event["process"];
    let start = json!({ "time": process["start"] });
    let start = start.as_object().and_then(|start| time_ns(start).ok());
    let ticks = start.map(|start| (i128::from(start) - boot_ns) / TICK_NS);
    process["pid"] == death.pid
        && ticks.is_some_and(|ticks| (ticks - i128::from(death.start)).abs() <= ERROR)
}

/// When the machine started, by the wall clock.
fn boot_ns() -> i128 {
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = uptime.split(' ').next().and_then(|seconds| seconds.parse::<f64>().ok());
    let since = seconds.unwrap_or_else(|| panic!("no time in {uptime:?}"));
    i128::from(now_ns()) - (since * 1e9) as i128
}

/// What the event has in the places that were written of, and what it has of a sender in any case.
fn seen(event: &Value, death: &Death) -> Value {
    let at = |pointer: &String| event.pointer(pointer).cloned().unwrap_or(Value::Null);
    let places = death.told.keys().map(|pointer| (pointer.clone(), at(pointer)));
    Value::from(places.collect::<Map<_, _>>())
}

/// What was written, without a sender if none was told and none need be.
fn written(death: &Death, told: &Value) -> Value {
    let lacks = |pointer: &str| death.may_lack_sender && told[pointer].is_null();
    let places = death.told.iter().map(|(pointer, value)| {
        let is_of_sender = pointer.starts_with("/generate/sender/");
        let is_lacking = is_of_sender && lacks("/generate/sender/pid");
        (pointer.clone(), if is_lacking { Value::Null } else { value.clone() })
    });
    Value::from(places.collect::<Map<_, _>>())
}

/// What differs, a death after the other.
fn difference(wanted: &BTreeMap<String, Value>, got: &BTreeMap<String, Value>) -> String {
    let mut text = String::new();
    for (key, told) in got {
        let Some(written) = wanted.get(key) else {
            let _ = writeln!(text, "{key}:\n    {told}");
            continue;
        };
        if told.is_array() {
            let _ = writeln!(text, "{key}: told of other than once\n    {written}\n    {told}");
        } else if told != written {
            let different = sigtrace_tests::harness::difference(written, told);
            let _ = write!(text, "{key}:\n{different}");
        }
    }
    text
}
