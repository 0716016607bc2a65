//! What sigtrace printed.

use std::process::ExitStatus;

use serde_json::{Map, Value};

use super::check;
use super::children::Ended;
use crate::integer;

/// An event as an object.
pub type Object = Map<String, Value>;

/// A whole stream, not looked at yet.
pub(super) struct Stream {
    pub(super) text: String,
    /// Wall clock when sigtrace was started.
    pub(super) started_ns: u64,
    /// Wall clock when it had ended.
    pub(super) ended_ns: u64,
}

/// What sigtrace printed. Every line has been checked: see [`Trace::events`].
#[derive(Debug)]
pub struct Trace {
    /// Every line in order. It is known of each that it fits the schema, that its keys are in the
    /// order of the contract, that `seq` has no gaps, that no `id` is there twice, that a return is
    /// one of a call that was unfinished, that `time` lies within the run, and that what cannot be
    /// foreseen has the right size.
    pub events: Vec<Value>,
    /// How sigtrace ended.
    pub status: ExitStatus,
    /// What it wrote to standard output, which with `-- CMD` is what CMD wrote.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Trace {
    pub(super) fn new(process: Ended, stream: &Stream) -> Self {
        let events = check::lines(stream);
        let Ended { status, stdout, stderr } = process;
        Self { events, status, stdout, stderr }
    }

    /// The system calls.
    pub fn calls(&self) -> impl Iterator<Item = &Value> {
        self.of_kind("syscall")
    }

    /// The calls of this name.
    pub fn calls_of<'a>(&'a self, syscall: &'a str) -> impl Iterator<Item = &'a Value> {
        self.calls().filter(move |call| call["syscall"] == syscall)
    }

    /// Sums of the causes in all `lost` events, in the order they first appear.
    pub fn lost(&self) -> Map<String, Value> {
        let mut sums = Map::new();
        for event in self.of_kind("lost") {
            for (cause, count) in counts(event) {
                let sum = sums.get(&cause).and_then(integer::read).unwrap_or(0_u64);
                sums.insert(cause, integer::shown(sum + count));
            }
        }
        sums
    }

    /// The signals that were sent.
    pub fn generates(&self) -> impl Iterator<Item = &Value> {
        self.of_kind("generate")
    }

    /// The ends of processes.
    pub fn exits(&self) -> impl Iterator<Item = &Value> {
        self.of_kind("exit")
    }

    /// The events into which calls were merged.
    pub fn repeated(&self) -> impl Iterator<Item = &Value> {
        self.of_kind("repeated")
    }

    /// The last `stats` record; there is one with `--stats`.
    pub fn stats(&self) -> Stats<'_> {
        let stats = self.of_kind("stats").last();
        Stats(stats.unwrap_or_else(|| panic!("no stats record; stderr:\n{}", self.stderr)))
    }

    /// Asserts that no call was lost or merged, and no return missed.
    #[track_caller]
    pub fn assert_complete(&self) {
        let stats = self.stats();
        let lacking = (stats.incomplete("return_missed"), stats.lost(), stats.merged());
        assert_eq!(lacking, (0, 0, 0), "{}", stats.0);
    }

    fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |event| event["event"] == kind)
    }
}

/// The accounting.
#[derive(Clone, Copy, Debug)]
pub struct Stats<'a>(pub &'a Value);

impl Stats<'_> {
    /// Signals sent that were printed, filtered and lost.
    pub fn generates(self) -> [u64; 3] {
        self.of_kind("generate")
    }

    /// Signals taken that were printed, filtered and lost.
    pub fn delivers(self) -> [u64; 3] {
        self.of_kind("deliver")
    }

    /// Ends of processes that were printed, filtered and lost.
    pub fn exits(self) -> [u64; 3] {
        self.of_kind("exit")
    }

    fn of_kind(self, kind: &str) -> [u64; 3] {
        ["printed", "filtered", "lost"].map(|fate| {
            integer::read(&self.0["events"][kind][fate])
                .unwrap_or_else(|| panic!("no {kind} events: {}", self.0))
        })
    }

    /// Events printed, all syscalls together.
    pub fn printed(self) -> u64 {
        sum(&self.0["printed"])
    }

    /// Events printed of one syscall.
    pub fn printed_of(self, syscall: &str) -> u64 {
        number(&self.0["printed"][syscall])
    }

    /// Calls filtered out.
    pub fn filtered(self) -> u64 {
        number(&self.0["filtered"])
    }

    /// Calls merged into `repeated` events.
    pub fn merged(self) -> u64 {
        number(&self.0["merged"])
    }

    /// Calls lost, whatever the cause.
    pub fn lost(self) -> u64 {
        sum(&self.0["lost"])
    }

    /// Events with a hole of this kind.
    pub fn incomplete(self, hole: &str) -> u64 {
        number(&self.0["incomplete"][hole])
    }

    /// Calls made while attached, by the rule: printed, filtered, merged or lost.
    pub fn calls(self) -> u64 {
        self.printed() + self.filtered() + self.merged() + self.lost()
    }
}

/// The calls of a `lost` event, by cause.
fn counts(event: &Value) -> impl Iterator<Item = (String, u64)> {
    let object = event.as_object().cloned().unwrap_or_default();
    let others = ["event", "time", "returns", "most"];
    let causes = object.into_iter().filter(move |(key, _)| !others.contains(&key.as_str()));
    causes.map(|(cause, count)| (cause, number(&count)))
}

fn sum(counts: &Value) -> u64 {
    counts.as_object().map_or(0, |counts| counts.values().map(number).sum())
}

fn number(value: &Value) -> u64 {
    integer::read(value).unwrap_or_else(|| panic!("{value} is no count"))
}
