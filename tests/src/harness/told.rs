//! What a sigtrace has told so far, while it goes on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::Value;

use super::check::{CLOCK_ERROR_NS, now_ns, time_ns};
use super::difference::difference;
use super::trace::Trace;
use super::wait::until_none;
use super::workload::Workload;

/// After so many of them the rest is not worth reading.
const ENOUGH: usize = 4;

/// A stream that is still being written. Its lines are checked in the end.
#[derive(Debug)]
pub struct Told {
    output: File,
    /// The beginning of a line.
    rest: Vec<u8>,
    events: Vec<Value>,
    /// When each was seen first.
    seen_ns: Vec<u64>,
}

impl Told {
    pub(super) fn new(output: &Path) -> Self {
        let file = File::open(output);
        let output = file.unwrap_or_else(|error| panic!("{}: {error}", output.display()));
        Self { output, rest: Vec::new(), events: Vec::new(), seen_ns: Vec::new() }
    }

    /// Every event so far.
    pub fn events(&mut self) -> &[Value] {
        self.read_on().unwrap_or_else(|error| panic!("reading the stream: {error}"));
        &self.events
    }

    /// Waits until there are events of all these calls, whole but for what nobody can foresee.
    /// Where they are among the events so far, in the order of the calls.
    #[track_caller]
    pub fn until_tells_of(&mut self, workload: &Workload) -> Vec<usize> {
        let wanted = workload.expected.iter().map(|call| Value::from(call.event.clone()));
        self.until_has(&workload.name, &wanted.collect::<Vec<_>>())
    }

    /// Waits until there are all these events, whole but for what nobody can foresee. Where they
    /// are among the events so far, in the order of those asked for.
    #[track_caller]
    pub fn until_has(&mut self, what: &str, wanted: &[Value]) -> Vec<usize> {
        let mut found: Vec<Option<usize>> = vec![None; wanted.len()];
        let mut of_thread: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (index, wanted) in wanted.iter().enumerate() {
            of_thread.entry(thread(wanted)).or_default().push(index);
        }
        let mut looked_at = 0;
        until_none(what, || {
            let events = self.events();
            for (place, event) in events.iter().enumerate().skip(looked_at) {
                let Some(missing) = of_thread.get_mut(&thread(event)) else { continue };
                let event = foreseeable(event);
                if let Some(at) = missing.iter().position(|index| wanted[*index] == event) {
                    found[missing.remove(at)] = Some(place);
                }
            }
            looked_at = events.len();
            let missing = wanted.iter().zip(&found).filter(|(_, place)| place.is_none());
            let count = missing.clone().count();
            let shown = missing.take(ENOUGH).map(|(wanted, _)| miss(wanted, events));
            (count > 0).then(|| format!("{count} are not told of\n{}", shown.collect::<String>()))
        });
        found.into_iter().flatten().collect()
    }

    /// How long at most after it began the event with this index was told.
    pub fn told_after_ns(&self, index: usize) -> u64 {
        let began = self.events[index].as_object().map(time_ns);
        let Some(Ok(began)) = began else { panic!("no time in {}", self.events[index]) };
        (self.seen_ns[index] + CLOCK_ERROR_NS).saturating_sub(began)
    }

    fn read_on(&mut self) -> io::Result<()> {
        self.output.read_to_end(&mut self.rest)?;
        let complete = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in self.rest[..complete].split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                self.events.push(serde_json::from_slice(line)?);
            }
        }
        self.rest.drain(..complete);
        self.seen_ns.resize(self.events.len(), now_ns());
        Ok(())
    }
}

fn thread(event: &Value) -> i64 {
    event["tid"].as_i64().unwrap_or_default()
}

/// An event that is missed, and what there is in its place.
fn miss(wanted: &Value, events: &[Value]) -> String {
    let same = |key: &str, event: &Value| wanted[key] == event[key];
    let alike =
        |event: &&Value| ["event", "tid", "syscall"].into_iter().all(|key| same(key, event));
    let Some(got) = events.iter().rev().find(alike) else {
        return format!("  {wanted}\n    not in the stream\n");
    };
    format!("  {wanted}\n{}", difference(wanted, &foreseeable(got)))
}

/// An event without what nobody can foresee.
fn foreseeable(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(event) = event.as_object_mut() {
        for key in ["id", "time", "seq", "cpu", "duration_ns"] {
            event.shift_remove(key);
        }
    }
    event
}

impl Trace {
    /// The trace with the late returns of calls put where these calls were told of as unfinished.
    pub fn completed(self) -> Self {
        Self { events: completed(&self.events), ..self }
    }
}

fn completed(events: &[Value]) -> Vec<Value> {
    let (late, others): (Vec<_>, Vec<_>) =
        events.iter().partition(|event| event["event"] == "return");
    let late: BTreeMap<_, _> =
        late.into_iter().map(|late| (late["request"].as_u64(), late)).collect();
    let complete = |event: &Value| match late.get(&event["id"].as_u64()) {
        Some(late) if event["return"] == "unfinished" => with_return(event, late),
        _ => event.clone(),
    };
    others.into_iter().map(complete).collect()
}

/// What a late return says of its call, in the order of an event.
const COMPLETED: [&str; 8] =
    ["args", "ret", "error", "duration_ns", "mask_blocked", "mask_unblocked", "changed", "return"];

fn with_return(event: &Value, late: &Value) -> Value {
    let mut whole = event.clone();
    if let Some(whole) = whole.as_object_mut() {
        whole.shift_remove("return");
        for key in COMPLETED {
            if let Some(value) = late.get(key) {
                whole.insert(key.into(), value.clone());
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::completed;

    #[test]
    fn a_late_return_completes_its_call() {
        let call = json!({"event":"syscall","id":1,"args":{"a":null},"ret":null,"error":null,
            "duration_ns":null,"return":"unfinished"});
        let other = json!({"event":"syscall","id":2,"args":{},"ret":3,"error":null});
        let late = json!({"event":"return","request":1,"args":{"a":2},"ret":-3,"error":"ESRCH",
            "duration_ns":5});
        let whole = json!({"event":"syscall","id":1,"args":{"a":2},"ret":-3,"error":"ESRCH",
            "duration_ns":5});
        assert_eq!(completed(&[call.clone(), other.clone(), late]), [whole, other.clone()]);
        assert_eq!(completed(&[call.clone(), other.clone()]), [call, other]);
    }

    #[test]
    fn a_late_return_may_have_been_missed_after_all() {
        let call = json!({"id":1,"args":{},"ret":null,"error":null,"duration_ns":null,
            "return":"unfinished"});
        let late = json!({"event":"return","request":1,"args":{},"ret":null,"error":null,
            "duration_ns":null,"return":"missed"});
        assert_eq!(completed(&[call, late])[0]["return"], "missed");
    }
}
