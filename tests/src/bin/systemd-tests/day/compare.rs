//! What was told against what was written down.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use serde_json::{Map, Value, json};
use sigtrace_tests::death::Death;
use sigtrace_tests::harness::{fits_schema, now_ns, time_ns};

/// A tick of /proc, by the number of which it says when a process began (`USER_HZ`).
const TICK_NS: i128 = 10_000_000;
/// By how much the two clocks may be read apart, in ticks.
const ERROR: i128 = 5;

/// In no more acts than this may somebody be unknown.
const MOST_UNKNOWN: u64 = 5;

/// What sigtrace learns of processes by records of their lives: of who was skipped it knows nothing.
const OF_IDENTITY: [&str; 8] = [
    "/process/exe",
    "/process/unit",
    "/process/cgroup",
    "/process/ns_pid",
    "/generate/sender/exe",
    "/generate/sender/cmdline",
    "/generate/sender/parents",
    "/generate/sender/parents/0",
];

/// Asserts that each death is told of once as it was written down, and no other. Programs of sigtrace's were skipped
/// so often: who a process was may be unknown then, but not another.
#[track_caller]
pub(super) fn assert_told(expected: &[(String, Death)], events: &[Value], skipped: u64) {
    eprintln!("programs were skipped {skipped} times");
    let mut unknown = BTreeSet::new();
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
        let mut written = written(death, &told);
        if told != written {
            // For the log.
            eprintln!("{key}: {}", json!(of_it));
        }
        if skipped > 0 && forgive_unknown(&mut written, &told) {
            unknown.insert(act);
        }
        wanted.insert(key.clone(), written);
        got.insert(key, told);
    }
    for (index, event) in untold.iter().enumerate() {
        got.insert(format!("nobody wrote down ({index})"), (*event).clone());
    }
    let most = skipped.min(MOST_UNKNOWN);
    assert!(unknown.len() as u64 <= most, "unknown after {skipped} skipped programs: {unknown:?}");
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

/// Takes out of what was written who somebody is, where that is told to be unknown. Says whether it is anywhere.
fn forgive_unknown(written: &mut Value, told: &Value) -> bool {
    let mut is_unknown = false;
    for place in OF_IDENTITY {
        if told.get(place).is_some_and(Value::is_null) && !written[place].is_null() {
            written[place] = Value::Null;
            is_unknown = true;
        }
    }
    is_unknown
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
