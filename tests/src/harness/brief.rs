//! The workload `brief`: thousands who are killed after milliseconds, and whose ids are soon somebody else's.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::death::Death;
use crate::kernel::Kernel;

use super::check::time_ns;
use super::difference::difference;
use super::schema::fits_schema;
use super::tracer::Tracer;
use super::workload::Background;

/// So many at a time: nothing is heard of a workload until it ends.
const BATCH: usize = 500;
/// The beginning of their names.
const NAME: &str = "brief-";
const SECOND_NS: u64 = 1_000_000_000;
/// Who has none.
const NOBODY: &str = "nobody of that name";
/// What is learnt of processes by records of their lives, and unknown if one is missing.
const OF_IDENTITY: [&str; 7] = [
    "/process/exe",
    "/process/cmdline",
    "/process/parents/0/pid",
    "/process/parents/0/comm",
    "/generate/target/cmdline",
    "/generate/sender/exe",
    "/generate/sender/cmdline",
];
/// Of differences no more are told.
const MOST_TOLD: usize = 10;

/// Asserts that `sigtrace who` tells of each of so many deaths once, with who killed whom: the ids of both, their
/// names, what they execute and their arguments.
#[track_caller]
pub fn assert_who_tells_of_brief_lives(deaths: usize) {
    let tracer = Tracer::start_checking(&["who", "--format", "json", "--context", "full"]);
    let mut written = BTreeMap::new();
    for first in (0..deaths).step_by(BATCH) {
        let batch = BATCH.min(deaths - first);
        for death in cause(first, batch) {
            let told: Map<String, Value> = death.told.into_iter().collect();
            written.insert(name(|pointer| told.get(pointer)), Value::from(told));
        }
        eprintln!("{} have died", first + batch);
    }
    let events = tracer.finish_unchecked();
    let problems: Vec<String> =
        events.iter().filter_map(|event| fits_schema(event).err()).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let mut told: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for event in &events {
        told.entry(name(|pointer| event.pointer(pointer))).or_default().push(event);
    }
    let (differences, unknown) = differences(&written, told);
    eprintln!("of {unknown} it is not known who they are");
    let first: String = differences.iter().take(MOST_TOLD).map(String::as_str).collect();
    let (wrong, reused) = (differences.len(), reused_within_a_second(&events));
    eprintln!("{} deaths, {reused} of ids that had died within a second before", events.len());
    assert_eq!((written.len(), wrong), (deaths, 0), "deaths, and wrong ones:\n{first}");
    // None is another. Where the kernel skips programs, and the more so on a busy machine, some are unknown.
    let allowed = if Kernel::running().preempts() { 20 } else { 1 };
    assert!(unknown <= deaths.div_ceil(1000) * allowed, "{unknown} are unknown");
    assert!(reused > deaths / 10, "only {reused} ids were used again within a second");
}

/// Has them die; what was written down of each.
fn cause(first: usize, count: usize) -> Vec<Death> {
    let ended = Background::start("brief", &[&first.to_string(), &count.to_string()]).end();
    assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
    let death =
        |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    ended.stdout.lines().map(death).collect()
}

/// Which of them it is, by its name for itself or by its last argument.
fn name<'a>(at: impl Fn(&str) -> Option<&'a Value>) -> String {
    let comm = at("/process/comm").and_then(Value::as_str).unwrap_or_default();
    let arguments = at("/process/cmdline").and_then(Value::as_array);
    let last = arguments.and_then(|arguments| arguments.last()?.as_str()).unwrap_or_default();
    let name = [comm, last].into_iter().find(|name| name.starts_with(NAME));
    name.unwrap_or(NOBODY).into()
}

/// What was told other than it was written down, and of how many it is not known who they are.
fn differences(
    written: &BTreeMap<String, Value>,
    mut told: BTreeMap<String, Vec<&Value>>,
) -> (Vec<String>, usize) {
    let mut nobody = told.remove(NOBODY).unwrap_or_default();
    let (mut all, mut unknown) = (Vec::new(), 0);
    for (name, expected) in written {
        let mut events = told.remove(name).unwrap_or_default();
        if events.is_empty()
            && let Some(at) =
                nobody.iter().position(|event| is_unknown(&seen(event, expected), expected))
        {
            events.push(nobody.remove(at));
        }
        match events[..] {
            [event] => {
                let seen = seen(event, expected);
                if is_unknown(&seen, expected) {
                    unknown += 1;
                } else if seen != *expected {
                    all.push(format!("{name}:\n{}", difference(expected, &seen)));
                }
            }
            _ => all.push(format!("{name}: told of {} times\n{expected}\n", events.len())),
        }
    }
    told.insert(NOBODY.into(), nobody);
    let others = told.iter().filter(|(_, events)| !events.is_empty());
    all.extend(others.map(|(name, events)| format!("{name}: {}\n", json!(events))));
    (all, unknown)
}

/// Whether all is as it was written down but for who somebody is, which is said to be unknown.
fn is_unknown(seen: &Value, written: &Value) -> bool {
    let mut known = written.clone();
    for place in OF_IDENTITY {
        if let (Some(known), Some(Value::Null)) = (known.get_mut(place), seen.get(place)) {
            *known = Value::Null;
        }
    }
    known == *seen && seen != written
}

/// What an event has in the places of which was written.
fn seen(event: &Value, written: &Value) -> Value {
    let places = written.as_object().into_iter().flatten();
    let at = |pointer: &String| event.pointer(pointer).cloned().unwrap_or(Value::Null);
    Value::from(places.map(|(pointer, _)| (pointer.clone(), at(pointer))).collect::<Map<_, _>>())
}

/// How many had the id of one whose death had been told of in the second before.
fn reused_within_a_second(events: &[Value]) -> usize {
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    let mut reused = 0;
    for event in events {
        let pid = event["process"]["pid"].as_u64().unwrap_or_default();
        let time = event.as_object().and_then(|event| time_ns(event).ok()).unwrap_or_default();
        let before = last.insert(pid, time);
        reused += usize::from(before.is_some_and(|before| time.saturating_sub(before) < SECOND_NS));
    }
    reused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_unknown_is_found_by_all_else() {
        let told = |cmdline: Value, sender: u32| json!({ "process": { "pid": 7, "cmdline": cmdline }, "generate": { "sender": { "pid": sender } } });
        let death = |number: usize| {
            let cmdline = json!(["sleep", format!("brief-{number}")]);
            let death = json!({ "/process/pid": 7, "/process/cmdline": cmdline, "/generate/sender/pid": 5 });
            (format!("brief-{number}"), death)
        };
        let check = |events: &[Value]| {
            let mut by_name: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
            for event in events {
                by_name.entry(name(|pointer| event.pointer(pointer))).or_default().push(event);
            }
            let (wrong, unknown) = differences(&BTreeMap::from([death(1)]), by_name);
            (wrong.len(), unknown)
        };
        let own = json!(["sleep", "brief-1"]);
        assert_eq!(check(&[told(own.clone(), 5)]), (0, 0));
        assert_eq!(check(&[told(Value::Null, 5)]), (0, 1));
        // By another, of another, twice, and not at all.
        assert_eq!(check(&[told(Value::Null, 6)]), (2, 0));
        assert_eq!(check(&[told(json!(["sleep", "brief-2"]), 5)]), (2, 0));
        assert_eq!(check(&[told(own.clone(), 5), told(own, 5)]), (1, 0));
        assert_eq!(check(&[]), (1, 0));
    }
}
