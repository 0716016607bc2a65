//! What sigtrace told of the threads that strace followed.

use std::collections::BTreeMap;

use serde_json::Value;
use sigtrace_tests::harness::Trace;

use crate::log::Thread;
use crate::step::{END, Step, TAKE};
use crate::{event, strace};

/// Events by whom they are about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told<'a> {
    /// The calls of each thread and the signals that it took, in order.
    threads: BTreeMap<i32, Vec<&'a Value>>,
    /// The process of each thread.
    processes: BTreeMap<i32, i32>,
    /// The end of each process that a signal ended.
    ends: BTreeMap<i32, &'a Value>,
}

impl<'a> Told<'a> {
    /// All that sigtrace told.
    pub(crate) fn new(events: &'a [Value]) -> Self {
        let mut told = Self::default();
        events.iter().for_each(|event| told.take(event));
        told
    }

    fn take(&mut self, event: &'a Value) {
        let who = match event["event"].as_str() {
            Some("syscall") => event,
            Some("deliver") => &event["process"],
            Some("exit") => {
                self.ends.insert(number(&event["process"]["pid"]), event);
                return;
            }
            _ => return,
        };
        let tid = number(&who["tid"]);
        self.processes.insert(tid, number(&who["pid"]));
        self.threads.entry(tid).or_default().push(event);
    }

    /// What a thread did, as strace tells and as sigtrace does.
    #[track_caller]
    pub(crate) fn beside(&self, tid: i32, thread: &'a Thread) -> [Vec<Step<'a>>; 2] {
        let steps = thread.entries.iter().filter_map(|entry| strace::step(entry).transpose());
        let steps: Result<Vec<_>, _> = steps.collect();
        let mut strace = steps.unwrap_or_else(|error| panic!("{error}"));
        let mut sigtrace = self.steps(tid, thread, &strace);
        for steps in [&mut strace, &mut sigtrace] {
            leave_open(steps, thread.ended() && self.has_others(tid));
        }
        [strace, sigtrace]
    }

    /// strace tells of each thread that a signal ends, sigtrace of the process: that is the end of each
    /// thread which strace saw end so, and that of the first thread in any case.
    fn steps(&self, tid: i32, thread: &Thread, strace: &[Step<'_>]) -> Vec<Step<'a>> {
        let process = self.process(tid);
        let killed = strace.last().is_some_and(|step| step.name == END);
        let first = process == tid && thread.ended();
        let end = self.ends.get(&process).filter(|_| killed || first);
        let events = self.threads.get(&tid).into_iter().flatten();
        events.chain(end).map(|event| event::step(event)).collect()
    }

    fn process(&self, tid: i32) -> i32 {
        self.processes.get(&tid).copied().unwrap_or(tid)
    }

    /// Whether a thread is not the only one of its process.
    fn has_others(&self, tid: i32) -> bool {
        let process = self.process(tid);
        self.processes.iter().any(|(other, its)| *other != tid && *its == process)
    }
}

/// Leaves open what came of the signal that a thread took last, if it may have been killed before it could
/// act on it: another signal has ended its process, or another thread that calls `exit_group`.
fn leave_open(steps: &mut [Step<'_>], others_may_end_it: bool) {
    match steps {
        [.., take, end] if take.name == TAKE && end.name == END => {
            take.left_open = take.args["signo"] != end.args["signo"];
        }
        [.., take] if take.name == TAKE => take.left_open = others_may_end_it,
        _ => {}
    }
}

/// The calls of each thread, in order.
pub(crate) fn calls_by_thread(trace: &Trace) -> BTreeMap<i32, Vec<&Value>> {
    let mut threads = BTreeMap::<i32, Vec<&Value>>::new();
    for event in trace.calls() {
        threads.entry(number(&event["tid"])).or_default().push(event);
    }
    threads
}

fn number(value: &Value) -> i32 {
    value.as_i64().and_then(|number| i32::try_from(number).ok()).unwrap_or_default()
}
