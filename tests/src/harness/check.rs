//! What holds for every line of every stream: it fits the schema, and beyond that what a schema
//! cannot say, such as the order of the keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::schema::fits_schema;
use super::trace::{Object, Stream};
use crate::integer;

/// sigtrace learns the wall clock's distance from the kernel's by reading both, and between the
/// readings it may have to wait for a processor.
pub(super) const CLOCK_ERROR_NS: u64 = 20_000_000;

/// A millisecond: what is promised of an event's time, measured where nothing comes between.
pub const CLOSE_NS: u64 = 1_000_000;

const CALL: [&str; 18] = [
    "event",
    "id",
    "time",
    "seq",
    "cpu",
    "syscall",
    "abi",
    "pid",
    "tid",
    "ppid",
    "uid",
    "gid",
    "comm",
    "cgroup",
    "args",
    "ret",
    "error",
    "duration_ns",
];
const RETURN: [&str; 11] = [
    "event",
    "request",
    "time",
    "seq",
    "syscall",
    "pid",
    "tid",
    "args",
    "ret",
    "error",
    "duration_ns",
];
const EXIT: [&str; 11] = [
    "event",
    "id",
    "time",
    "seq",
    "cpu",
    "generate",
    "reason",
    "sig",
    "signo",
    "core_dumped",
    "process",
];
/// After `generate`, of deaths.
const REQUEST: [&str; 1] = ["request"];
/// After `reason`, where a filter ended the process.
const REFUSED_CALL: [&str; 1] = ["refused_call"];
const DELIVER: [&str; 13] = [
    "event",
    "id",
    "time",
    "seq",
    "cpu",
    "generate",
    "sig",
    "signo",
    "info",
    "handler",
    "flags",
    "latency_ns",
    "process",
];
const GENERATE: [&str; 20] = [
    "event",
    "id",
    "time",
    "seq",
    "cpu",
    "request",
    "sig",
    "signo",
    "info",
    "directed",
    "outcome",
    "fatal",
    "cause",
    "cause_certain",
    "call",
    "sender",
    "forged",
    "target",
    "target_state",
    "merged_into",
];
/// After `info`, with context.
const INSTRUCTION: [&str; 2] = ["instruction", "instruction_at"];
/// After `call`, of processes that end for want of memory.
const MEMORY: [&str; 1] = ["memory"];
const THREAD: [&str; 7] = ["pid", "tid", "start", "comm", "ppid", "uid", "gid"];
/// At the end, for calls that send signals, if these are told of.
const REACH: [&str; 2] = ["reached", "refused"];
/// Likewise, for calls that took a signal by themselves.
const TAKEN: [&str; 1] = ["generate"];
/// Before those, for calls that change the mask.
const MASKS: [&str; 2] = ["mask_blocked", "mask_unblocked"];
/// After `args`, with context; the second only of calls that name a process.
const PARTIES: [&str; 2] = ["caller", "target"];
const PROCESS: [&str; 6] = ["pid", "start", "comm", "ppid", "uid", "gid"];
/// What a process has with context, …
const KNOWN: [&str; 10] = [
    "exe",
    "exe_deleted",
    "script",
    "loginuid",
    "cgroup",
    "unit",
    "user_unit",
    "container",
    "ns_pid",
    "parents",
];
/// … and after `script` with all of it.
const FULL: [&str; 3] = ["cmdline", "cmdline_truncated", "cmdline_redacted"];
/// After `tid`, for callers in a pid namespace of their own.
const NAMESPACE: [&str; 2] = ["ns_pid", "ns_tid"];
const CAUSES: [&str; 8] = [
    "ring_full",
    "over_share",
    "pending_full",
    "registers_unreadable",
    "probe_missed",
    "undecodable",
    "output",
    "rate_limited",
];
const REPEATED: [&str; 14] = [
    "event", "time", "seq", "syscall", "sig", "signo", "pid", "comm", "uid", "ret", "error",
    "first", "last", "count",
];
const BLIND: [&str; 7] = ["event", "time", "seq", "since", "until", "syscalls", "reason"];
const STATS: [&str; 10] = [
    "event",
    "time",
    "elapsed_ns",
    "printed",
    "filtered",
    "merged",
    "lost",
    "incomplete",
    "returns",
    "probes",
];

/// The lines of a stream, every one of them as the contract has it.
pub(super) fn lines(stream: &Stream) -> Vec<Value> {
    assert!(
        stream.text.is_empty() || stream.text.ends_with('\n'),
        "the last line has no end: …{}",
        stream.text.lines().last().unwrap_or_default()
    );
    let processors = processors();
    let mut so_far = SoFar::default();
    let check = |line: &str| {
        let event: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("a line is no JSON: {error}\n{line}"));
        fits_schema(&event).unwrap_or_else(|error| panic!("{error}: {line}"));
        let object = event.as_object().unwrap_or_else(|| panic!("no object: {line}"));
        let checked = match object.get("event").and_then(Value::as_str) {
            Some("syscall") => call(object, &mut so_far, processors, stream),
            Some("return") => returned(object, &mut so_far, stream),
            Some("generate") => generate(object, &mut so_far, processors),
            Some("deliver") => deliver(object, &mut so_far, processors),
            Some("exit") => exit(object, &mut so_far, processors),
            Some("repeated") => repeated(object, &mut so_far),
            Some("lost") => lost(object),
            Some("blind") => blind(object, &mut so_far),
            Some("stats") => stats(object),
            _ => Err("it is of no known kind".into()),
        };
        let checked = checked.and_then(|()| within(object, stream));
        checked.unwrap_or_else(|error| panic!("{error}: {line}"));
        event
    };
    stream.text.lines().map(check).collect()
}

type Checked = Result<(), String>;

/// What came before a line.
#[derive(Default)]
struct SoFar {
    /// Calls, returns, signals that are sent, ends of processes, repeated calls and blind times.
    numbered: u64,
    ids: BTreeSet<u64>,
    /// The calls without a return, by their ids: what their return has to have, too.
    unfinished: BTreeMap<u64, [Value; 3]>,
}

fn call(event: &Object, so_far: &mut SoFar, processors: u64, stream: &Stream) -> Checked {
    let (before, after) = CALL.split_at(9);
    let inside: &[&str] = if event.contains_key("ns_tid") { &NAMESPACE } else { &[] };
    let (before_result, result) = after.split_at(after.len() - 3);
    let parties: &[&str] = match (event.contains_key("caller"), event.contains_key("target")) {
        (true, true) => &PARTIES,
        (true, false) => &PARTIES[..1],
        (false, _) => &[],
    };
    let handler: &[&str] = if event.contains_key("handler_at") { &["handler_at"] } else { &[] };
    ended(event, &[before, inside, before_result, parties, handler, result].concat(), stream)?;
    for party in parties.iter().filter_map(|key| event[*key].as_object()) {
        known_process(party)?;
    }
    numbered(event, so_far)?;
    let id = number(event, "id")?;
    ensure(so_far.ids.insert(id), || format!("there was another call {id}"))?;
    if event.get("return").is_some_and(|how| how == "unfinished") {
        so_far.unfinished.insert(id, of(event));
    }
    ensure(number(event, "cpu")? < processors, || "there is no such processor".into())
}

fn generate(event: &Object, so_far: &mut SoFar, processors: u64) -> Checked {
    let (before, after) = GENERATE.split_at(15);
    let (before, middle) = before.split_at(9);
    let has_context = event.contains_key(INSTRUCTION[0]);
    let instruction: &[&str] = if has_context { &INSTRUCTION } else { &[] };
    let memory: &[&str] = if event.contains_key(MEMORY[0]) { &MEMORY } else { &[] };
    keys(event, &[before, instruction, middle, memory, after].concat())?;
    numbered(event, so_far)?;
    let id = number(event, "id")?;
    ensure(so_far.ids.insert(id), || format!("there was another event {id}"))?;
    for thread in ["sender", "target"].into_iter().filter_map(|who| event[who].as_object()) {
        known(thread, &THREAD)?;
        let (start, time) = (thread["start"].as_str(), event["time"].as_str());
        ensure(start <= time, || "somebody has yet to begin".into())?;
    }
    let is_whole = event["request"].is_null() || !event["call"].is_null();
    ensure(is_whole, || "a request without a call".into())?;
    let is_sent_by = event["call"].is_null() || !event["sender"].is_null();
    ensure(is_sent_by, || "nobody made the call".into())?;
    ensure(number(event, "cpu")? < processors, || "there is no such processor".into())
}

fn deliver(event: &Object, so_far: &mut SoFar, processors: u64) -> Checked {
    let (before, after) = DELIVER.split_at(10);
    let handler: &[&str] = if event.contains_key("handler_at") { &["handler_at"] } else { &[] };
    keys(event, &[before, handler, after].concat())?;
    numbered(event, so_far)?;
    let id = number(event, "id")?;
    ensure(so_far.ids.insert(id), || format!("there was another event {id}"))?;
    known(event["process"].as_object().ok_or("`process` is no object")?, &THREAD)?;
    let is_known = event["generate"].is_null() == event["latency_ns"].is_null();
    ensure(is_known, || "it is not known since when".into())?;
    ensure(number(event, "cpu")? < processors, || "there is no such processor".into())
}

fn exit(event: &Object, so_far: &mut SoFar, processors: u64) -> Checked {
    let optional = |key: &'static [&'static str]| -> &[&str] {
        if event.contains_key(key[0]) { key } else { &[] }
    };
    let (before, rest) = EXIT.split_at(6);
    let (reason, after) = rest.split_at(1);
    let expected = [before, optional(&REQUEST), reason, optional(&REFUSED_CALL), after].concat();
    keys(event, &expected)?;
    let process = event["process"].as_object().ok_or("`process` is no object")?;
    known_process(process)?;
    numbered(event, so_far)?;
    let id = number(event, "id")?;
    ensure(so_far.ids.insert(id), || format!("there was another event {id}"))?;
    let text = |event: &Object, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    ensure(text(process, "start") <= text(event, "time"), || "it ended before it began".into())?;
    ensure(number(event, "cpu")? < processors, || "there is no such processor".into())
}

fn known_process(process: &Object) -> Checked {
    known(process, &PROCESS)
}

/// These keys, and what is known of a process with context.
fn known(process: &Object, own: &[&str]) -> Checked {
    let (before, after) = KNOWN.split_at(3);
    let full: &[&str] = if process.contains_key(FULL[0]) { &FULL } else { &[] };
    if process.contains_key("exe") {
        keys(process, &[own, before, full, after].concat())
    } else {
        keys(process, own)
    }
}

fn returned(event: &Object, so_far: &mut SoFar, stream: &Stream) -> Checked {
    ended(event, &RETURN, stream)?;
    numbered(event, so_far)?;
    let id = number(event, "request")?;
    let call = so_far.unfinished.remove(&id);
    let call = call.ok_or_else(|| format!("no call {id} is unfinished"))?;
    ensure(call == of(event), || format!("call {id} is {call:?}"))
}

/// Which call of whom an event is about.
fn of(event: &Object) -> [Value; 3] {
    ["syscall", "pid", "tid"].map(|key| event[key].clone())
}

/// The keys, which depend on whether the call was seen to return, and how long it took.
fn ended(event: &Object, expected: &[&str], stream: &Stream) -> Checked {
    let masks: &[&str] = if event.contains_key(MASKS[0]) { &MASKS } else { &[] };
    let changed: &[&str] = if event.contains_key("changed") { &["changed"] } else { &[] };
    let reach: &[&str] = if event.contains_key(REACH[0]) { &REACH } else { &[] };
    if event["duration_ns"].is_null() {
        return keys(event, &[expected, masks, changed, &["return"]].concat());
    }
    let taken: &[&str] = if event.contains_key(TAKEN[0]) { &TAKEN } else { &[] };
    keys(event, &[expected, masks, changed, reach, taken].concat())?;
    let (took, all) = (number(event, "duration_ns")?, stream.ended_ns - stream.started_ns);
    ensure(took > 0 && took < all, || "`duration_ns` is out of range".into())
}

fn numbered(event: &Object, so_far: &mut SoFar) -> Checked {
    let seq = so_far.numbered;
    so_far.numbered += 1;
    ensure(number(event, "seq")? == seq, || format!("`seq` should be {seq}"))
}

fn number(event: &Object, key: &str) -> Result<u64, String> {
    let value = event.get(key).and_then(integer::read);
    value.ok_or_else(|| format!("`{key}` is no integer without a sign"))
}

fn repeated(event: &Object, so_far: &mut SoFar) -> Checked {
    keys(event, &REPEATED)?;
    numbered(event, so_far)?;
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    ensure(text("first") <= text("last") && text("last") <= text("time"), || {
        "`first`, `last` and `time` are not in order".into()
    })
}

fn lost(event: &Object) -> Checked {
    let others: &[&str] = if event.contains_key("events") { &["events"] } else { &[] };
    let (before, after) = (["event", "time"], ["most"]);
    keys(event, &[&before, &CAUSES[..], &["returns"], others, &after].concat())?;
    let kinds = event.get("events").and_then(Value::as_object);
    let kinds = kinds.into_iter().flat_map(|kinds| kinds.values());
    let mut counts = event.values().chain(kinds).filter_map(integer::read);
    ensure(counts.any(|count: u64| count > 0), || "nothing was lost".into())
}

fn blind(event: &Object, so_far: &mut SoFar) -> Checked {
    keys(event, &BLIND)?;
    numbered(event, so_far)
}

fn stats(event: &Object) -> Checked {
    let (before, after) = STATS.split_at(9);
    let others: &[&str] = if event.contains_key("events") { &["events"] } else { &[] };
    let context: &[&str] = if event.contains_key("context") { &["context"] } else { &[] };
    keys(event, &[before, others, context, after].concat())?;
    for fates in event.get("events").and_then(Value::as_object).into_iter().flatten() {
        let fates = fates.1.as_object().ok_or("what became of a kind is no object")?;
        keys(fates, &["printed", "filtered", "lost"])?;
    }
    let causes = event["lost"].as_object().ok_or("`lost` is no object")?;
    keys(causes, &CAUSES)?;
    let holes = event["incomplete"].as_object().ok_or("`incomplete` is no object")?;
    keys(holes, &["return_missed", "unfinished", "unreadable", "read_late"])?;
    let returns = event["returns"].as_object().ok_or("`returns` is no object")?;
    keys(returns, &["printed", "lost"])
}

/// Whether the event was while sigtrace ran.
fn within(event: &Object, stream: &Stream) -> Checked {
    let time = time_ns(event)?;
    let (earliest, latest) = (stream.started_ns - CLOCK_ERROR_NS, stream.ended_ns + CLOCK_ERROR_NS);
    ensure((earliest..=latest).contains(&time), || "`time` is not within the run".into())
}

/// The `time` of an event in nanoseconds since 1970.
///
/// # Errors
///
/// When it has none of the contract's shape.
pub fn time_ns(event: &Object) -> Result<u64, String> {
    let text = event.get("time").and_then(Value::as_str).ok_or("`time` is no text")?;
    parse_time(text).ok_or_else(|| "`time` is not like 2026-11-21T19:53:08.123456789Z".into())
}

fn parse_time(text: &str) -> Option<u64> {
    let shape = b"dddd-dd-ddTdd:dd:dd.dddddddddZ";
    let fits = |(is, should): (u8, &u8)| is == *should || *should == b'd' && is.is_ascii_digit();
    if text.len() != shape.len() || !text.bytes().zip(shape).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Days since 1970 by the rule for years that begin in March, as the leap day comes last then.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let seconds =
        (days - 719_468) * 86_400 + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    Some(seconds * 1_000_000_000 + number(20, 29)?)
}

fn keys(object: &Object, expected: &[&str]) -> Checked {
    ensure(object.keys().eq(expected), || format!("the keys should be {expected:?}"))
}

fn ensure(condition: bool, problem: impl FnOnce() -> String) -> Checked {
    if condition { Ok(()) } else { Err(problem()) }
}

/// Wall clock in nanoseconds.
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or_default()
}

/// How many processors there are.
fn processors() -> u64 {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    cpuinfo.lines().filter(|line| line.starts_with("processor")).count() as u64
}

#[cfg(test)]
mod tests {
    use super::parse_time;

    #[test]
    fn a_time_is_nanoseconds_since_1970() {
        assert_eq!(parse_time("1970-01-01T00:00:00.000000000Z"), Some(0));
        assert_eq!(parse_time("2026-11-21T19:53:08.123456789Z"), Some(1_795_290_788_123_456_789));
        assert_eq!(parse_time("2024-02-29T23:59:59.999999999Z"), Some(1_709_251_199_999_999_999));
    }

    #[test]
    fn a_time_of_another_shape_is_none() {
        assert_eq!(parse_time("2026-11-21 19:53:08.123456789Z"), None);
        assert_eq!(parse_time("2026-11-21T19:53:08.123456Z"), None);
    }
}
