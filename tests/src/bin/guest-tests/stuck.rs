//! Threads that stick in the kernel, as memory that their calls lead to does not come, keep neither
//! others' calls from being told of nor their own.

use std::sync::LazyLock;

use serde_json::{Value, json};
use sigtrace_tests::harness::{Beside, Puppet, Stuck, Test, Told, Trace, Tracer, Workload};
use sigtrace_tests::tests;

use crate::scene::foreseeable;

/// All of them.
pub const TESTS: &[Test] = tests![
    callers_beside_one_stuck_thread_in_each_call_are_told_of,
    callers_beside_one_stuck_thread_in_each_32_bit_call_are_told_of,
    callers_beside_12_stuck_threads_are_told_of_completely_and_at_once,
    callers_beside_200_stuck_threads_are_told_of_completely_and_at_once,
    callers_beside_12_threads_stuck_in_32_bit_calls_are_told_of_completely_and_at_once,
    a_stuck_call_is_told_of_after_two_seconds_and_again_when_it_returns,
    waiting_calls_are_told_of_as_unfinished_if_that_is_asked_for,
    a_senders_last_call_is_told_of_while_it_lives,
    a_last_call_whose_return_is_missed_is_told_of_while_its_sender_lives,
];

/// More in each call than there are return slots on any kernel.
const THREADS: usize = 12;

/// All that is told of by default, in one trace: attaching takes longer than it does.
struct Play {
    trace: Trace,
    /// Beside one thread in each call, so many threads, and the same in the calls of 32-bit programs.
    beside: [Beside; 5],
    late: Late,
}

static PLAY: LazyLock<Play> = LazyLock::new(|| {
    let tracer = Tracer::start(&["--stats"]);
    let mut told = tracer.told();
    // For one thread in each call there are slots enough.
    let stick: [fn() -> Stuck; 5] = [
        || Stuck::start(1),
        || Stuck::start_narrow(1),
        || Stuck::start(THREADS),
        || Stuck::start_narrow(THREADS),
        || Stuck::start(200),
    ];
    let beside = stick.map(|stick| Beside::act(&mut told, stick));
    let late = stuck_calls_are_told_of_twice(&mut told);
    a_senders_calls_are_told_of(&mut told);
    let trace = tracer.finish();
    late.assert_only_late_once(&trace);
    Play { trace: trace.completed(), beside, late }
});

impl Play {
    #[track_caller]
    fn assert_told(&self, beside: &Beside) {
        beside.assert_told_in(&self.trace);
        self.trace.assert_complete();
    }
}

fn callers_beside_one_stuck_thread_in_each_call_are_told_of() {
    PLAY.assert_told(&PLAY.beside[0]);
}

fn callers_beside_one_stuck_thread_in_each_32_bit_call_are_told_of() {
    PLAY.assert_told(&PLAY.beside[1]);
}

fn callers_beside_12_stuck_threads_are_told_of_completely_and_at_once() {
    PLAY.assert_told(&PLAY.beside[2]);
}

fn callers_beside_12_threads_stuck_in_32_bit_calls_are_told_of_completely_and_at_once() {
    PLAY.assert_told(&PLAY.beside[3]);
}

fn callers_beside_200_stuck_threads_are_told_of_completely_and_at_once() {
    PLAY.assert_told(&PLAY.beside[4]);
}

fn a_stuck_call_is_told_of_after_two_seconds_and_again_when_it_returns() {
    PLAY.late.assert_told_in(&PLAY.trace);
}

/// The five were told of while their sender lived, or there were no play.
fn a_senders_last_call_is_told_of_while_it_lives() {
    PLAY.trace.assert_complete();
}

fn waiting_calls_are_told_of_as_unfinished_if_that_is_asked_for() {
    let tracer = Tracer::start(&["--stats", "--unfinished-after", "500ms"]);
    let mut told = tracer.told();
    let stuck = Stuck::start(THREADS);
    let [waiting, others] = stuck.calls();
    let mut calls = told_as_unfinished(&mut told, &waiting, 500_000_000);
    calls.extend(told_as_unfinished(&mut told, &others, 500_000_000));
    let late = Late::returns(&mut told, stuck, &calls);
    let trace = tracer.finish();
    late.assert_only_late_once(&trace);
    late.assert_told_in(&trace.completed());
}

/// Waiting is no wonder, and told of when it is over; of what else takes two seconds its beginning is
/// told, and its return.
#[track_caller]
fn stuck_calls_are_told_of_twice(told: &mut Told) -> Late {
    let stuck = Stuck::start(THREADS);
    let [waiting, others] = stuck.calls();
    let calls = told_as_unfinished(told, &others, 2_000_000_000);
    for call in &waiting.expected {
        let tid = &call.event["tid"];
        let early = told
            .events()
            .iter()
            .find(|event| event["tid"] == *tid && event["syscall"] == call.event["syscall"]);
        assert_eq!(early, None);
    }
    Late::returns(told, stuck, &calls)
}

/// Waits until calls are told of as unfinished, which none of them is before this time. Their
/// events.
#[track_caller]
fn told_as_unfinished(told: &mut Told, calls: &Workload, after_ns: u64) -> Vec<Value> {
    let places = told.until_tells_of(calls);
    for place in &places {
        let after = told.told_after_ns(*place);
        assert!(after >= after_ns, "after {after} ns: {}", told.events()[*place]);
    }
    let events = told.events();
    places.iter().map(|place| events[*place].clone()).collect()
}

/// What threads did of whose calls the returns were told apart.
struct Late {
    did: Workload,
    returns: Vec<Value>,
}

impl Late {
    /// Releases the threads, and waits until the return of each of the calls that were told of as
    /// unfinished has an event.
    #[track_caller]
    fn returns(told: &mut Told, stuck: Stuck, unfinished: &[Value]) -> Self {
        stuck.assert_stuck();
        let did = stuck.release();
        let returns: Vec<Value> = unfinished.iter().map(|call| return_of(call, &did)).collect();
        told.until_has("returns", &returns);
        Self { did, returns }
    }

    /// There are no other late returns of theirs.
    #[track_caller]
    fn assert_only_late_once(&self, trace: &Trace) {
        let pid = &self.returns[0]["pid"];
        let ours = |event: &&Value| event["event"] == "return" && event["pid"] == *pid;
        assert_eq!(trace.events.iter().filter(ours).count(), self.returns.len());
    }

    /// A trace, its returns put where their calls are, tells of all they did.
    #[track_caller]
    fn assert_told_in(&self, trace: &Trace) {
        trace.assert_tells_of(&self.did);
        trace.assert_complete();
    }
}

/// What there is to say of the return of a call that was told of as unfinished.
#[track_caller]
fn return_of(call: &Value, did: &Workload) -> Value {
    let same = |key: &str, event: &Value| call[key] == *event;
    // The last of its name is the one in which the thread was stuck.
    let ended = did
        .expected
        .iter()
        .rev()
        .map(|ended| &ended.event)
        .find(|ended| same("tid", &ended["tid"]) && same("syscall", &ended["syscall"]));
    let ended = ended.unwrap_or_else(|| panic!("nobody made {call}"));
    let mut event = late(call, &ended["args"], &ended["ret"], &ended["error"]);
    for key in ["mask_blocked", "mask_unblocked", "changed"] {
        if let Some(value) = ended.get(key) {
            event[key] = value.clone();
        }
    }
    event
}

/// The event of a late return.
#[track_caller]
fn late(call: &Value, args: &Value, ret: &Value, error: &Value) -> Value {
    assert!(call["id"].is_u64(), "it has no id to refer to: {call}");
    json!({
        "event": "return",
        "request": call["id"],
        "syscall": call["syscall"],
        "pid": call["pid"],
        "tid": call["tid"],
        "args": args,
        "ret": ret,
        "error": error,
    })
}

/// What is sent while nobody else's return can be seen by a kretprobe.
const SEND: &str = "rt_sigqueueinfo 1 0";

#[track_caller]
fn a_senders_calls_are_told_of(told: &mut Told) {
    let stuck = Stuck::start(THREADS);
    let mut sender = Puppet::start();
    let sent: Vec<Value> = (0..5).map(|_| sender.call(SEND)).collect();
    told.until_has("five sends", &sent);
    stuck.assert_stuck();
    // It is there to be ordered about.
    sender.call("kill 1 0");
    stuck.release();
}

/// By pairs returns are missed then, which the sender's next call tells, or its end.
fn a_last_call_whose_return_is_missed_is_told_of_while_its_sender_lives() {
    let tracer = Tracer::start(&["--stats", "--probe", "kprobe"]);
    let mut told = tracer.told();
    let stuck = Stuck::start(THREADS);
    let (mut sender, mut other) = (Puppet::start(), Puppet::start());
    let sent = [sender.call(SEND), other.call(SEND)].map(|call| without_return(&call));
    let places = told.until_has("two sends", &sent);
    let calls = places.iter().map(|place| told.events()[*place].clone()).collect::<Vec<_>>();
    let missed = calls.iter().map(|call| {
        let mut late = late(call, &call["args"], &Value::Null, &Value::Null);
        late["return"] = json!("missed");
        late
    });
    let missed: Vec<Value> = missed.collect();
    sender.call("kill 1 0");
    told.until_has("a return that the next call tells", &missed[..1]);
    drop(other);
    told.until_has("a return that the end tells", &missed[1..]);
    stuck.assert_stuck();
    let trace = tracer.finish();
    assert_eq!(trace.stats().lost(), 0, "{}", trace.stats().0);
}

/// The event of a call that has not returned.
fn without_return(call: &Value) -> Value {
    let mut call = foreseeable(call);
    (call["ret"], call["error"]) = (Value::Null, Value::Null);
    call["return"] = json!("unfinished");
    call
}
