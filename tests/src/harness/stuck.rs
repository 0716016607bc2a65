//! The workload `stuck`: threads that stick in calls until they are released.

use std::fs;

use serde_json::Value;

use super::staged::Staged;
use super::told::Told;
use super::trace::Trace;
use super::tracer::Tracer;
use super::workload::Workload;

/// Those in which a thread may wait even if nothing is wrong.
const WAITING: [&str; 4] = ["rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_sigsuspend", "read"];

/// Threads that stick in calls, one each, as memory does not come that these lead to.
#[derive(Debug)]
pub struct Stuck {
    workload: Staged,
    /// The calls as they are to be shown while they are under way.
    calls: Workload,
    /// What the system says of each thread: its call, the arguments, and where it is.
    places: Vec<(Value, String)>,
}

impl Stuck {
    /// So many threads in each call up to a dozen, or so many in all. They stick already.
    #[track_caller]
    pub fn start(threads: usize) -> Self {
        Self::new(Staged::start("stuck", &[&threads.to_string()]))
    }

    /// The same in the calls of 32-bit programs.
    #[track_caller]
    pub fn start_narrow(threads: usize) -> Self {
        Self::new(Staged::start_narrow("stuck", &[&threads.to_string()]))
    }

    #[track_caller]
    fn new(workload: Staged) -> Self {
        let calls = workload.stated();
        let tids = calls.expected.iter().map(|call| call.event["tid"].clone());
        let places = tids.map(|tid| (tid.clone(), place(&tid))).collect();
        let stuck = Self { workload, calls, places };
        stuck.assert_stuck();
        stuck
    }

    /// The calls as they are to be shown while they are under way: those whose callers wait by
    /// themselves, too, and the others.
    pub fn calls(&self) -> [Workload; 2] {
        let waits = |event: &Value| WAITING.iter().any(|waiting| event == waiting);
        let (waiting, others) =
            self.calls.expected.iter().cloned().partition(|call| waits(&call.event["syscall"]));
        [waiting, others].map(|expected| Workload { name: self.calls.name.clone(), expected })
    }

    /// Asserts that all are where they were.
    #[track_caller]
    pub fn assert_stuck(&self) {
        for (tid, before) in &self.places {
            let now = place(tid);
            assert!(now == *before && now.starts_with(char::is_numeric), "{tid}: {now:?}");
        }
    }

    /// Lets them go on to their ends. What they say they did, to the last call.
    #[track_caller]
    pub fn release(mut self) -> Workload {
        self.workload.go_on();
        let did = self.workload.stated();
        self.workload.end();
        did
    }
}

/// What threads that were stuck did, and what other processes did meanwhile.
#[derive(Debug)]
pub struct Beside {
    did: Vec<Workload>,
}

impl Beside {
    /// Has other processes make calls of every kind while threads are stuck. Asserts that these are
    /// told of whole before the processes end or the threads go on.
    #[track_caller]
    pub fn act(told: &mut Told, stick: impl FnOnce() -> Stuck) -> Self {
        let stuck = stick();
        let bystanders = [
            Staged::start("bystander", &[]),
            Staged::start_narrow("bystander", &[]),
            Staged::start_32("bystander"),
        ];
        for bystander in &bystanders {
            told.until_tells_of(&bystander.stated());
        }
        stuck.assert_stuck();
        bystanders.iter().for_each(Staged::assert_alive);

        let mut did = vec![stuck.release()];
        did.extend(bystanders.map(|bystander| {
            let stated = bystander.stated();
            bystander.end();
            stated
        }));
        Self { did }
    }

    /// Asserts that a trace, its returns put where their calls are, tells of all calls of both.
    #[track_caller]
    pub fn assert_told_in(&self, trace: &Trace) {
        self.did.iter().for_each(|did| trace.assert_tells_of(did));
    }
}

/// Asserts that nothing is lost of what processes do beside stuck threads, nor of what these do, in a
/// trace of their own.
#[track_caller]
pub fn assert_bystanders_are_told_of(stick: impl FnOnce() -> Stuck) {
    let tracer = Tracer::start(&["--stats"]);
    let beside = Beside::act(&mut tracer.told(), stick);
    let trace = tracer.finish().completed();
    beside.assert_told_in(&trace);
    trace.assert_complete();
}

/// What the system says of a thread that sleeps.
fn place(tid: &Value) -> String {
    fs::read_to_string(format!("/proc/{tid}/syscall")).unwrap_or_default()
}
