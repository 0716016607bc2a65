//! Threads that stick in the kernel, as memory that their calls lead to does not come, keep neither
//! others' calls from being told of nor their own.

use serde_json::{Value, json};
use sigtrace_tests::harness::{
    Puppet, Stuck, Test, Told, Trace, Tracer, Workload, assert_bystanders_are_told_of, completed,
};
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

/// For whom there are slots enough.
fn callers_beside_one_stuck_thread_in_each_call_are_told_of() {
    assert_bystanders_are_told_of(|| Stuck::start(1));
}

fn callers_beside_one_stuck_thread_in_each_32_bit_call_are_told_of() {
    assert_bystanders_are_told_of(|| Stuck::start_by_int80(1));
}

fn callers_beside_12_stuck_threads_are_told_of_completely_and_at_once() {
    assert_bystanders_are_told_of(|| Stuck::start(THREADS));
}

fn callers_beside_200_stuck_threads_are_told_of_completely_and_at_once() {
    assert_bystanders_are_told_of(|| Stuck::start(200));
}

fn callers_beside_12_threads_stuck_in_32_bit_calls_are_told_of_completely_and_at_once() {
    assert_bystanders_are_told_of(|| Stuck::start_by_int80(THREADS));
}

fn a_stuck_call_is_told_of_after_two_seconds_and_again_when_it_returns() {
    let tracer = Tracer::start(&["--stats"]);
    let mut told = tracer.told();
    let stuck = Stuck::start(THREADS);
    // Waiting is no wonder, and told of when it is over.
    let [waiting, others] = stuck.calls();
    let calls = told_as_unfinished(&mut told, &others, 2_000_000_000);
    for call in &waiting.expected {
        let tid = &call.event["tid"];
        let early = told
            .events()
            .iter()
            .find(|event| event["tid"] == *tid && event["syscall"] == call.event["syscall"]);
        assert_eq!(early, None);
    }
    assert_return_late(tracer, told, stuck, &calls);
}

fn waiting_calls_are_told_of_as_unfinished_if_that_is_asked_for() {
    let tracer = Tracer::start(&["--stats", "--unfinished-after", "500ms"]);
    let mut told = tracer.told();
    let stuck = Stuck::start(THREADS);
    let [waiting, others] = stuck.calls();
    let mut calls = told_as_unfinished(&mut told, &waiting, 500_000_000);
    calls.extend(told_as_unfinished(&mut told, &others, 500_000_000));
    assert_return_late(tracer, told, stuck, &calls);
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

/// Releases the threads. Each of the calls that were told of as unfinished has an event of its
/// return then, and no other; and all calls are told of in the end.
#[track_caller]
fn assert_return_late(tracer: Tracer, mut told: Told, stuck: Stuck, unfinished: &[Value]) {
    stuck.assert_stuck();
    let did = stuck.release();
    let returns: Vec<Value> = unfinished.iter().map(|call| return_of(call, &did)).collect();
    told.until_has("returns", &returns);
    let trace = tracer.finish();
    let ours = |event: &&Value| event["event"] == "return" && event["pid"] == returns[0]["pid"];
    assert_eq!(trace.events.iter().filter(ours).count(), returns.len());
    let whole = Trace { events: completed(&trace.events), ..trace };
    whole.assert_tells_of(&did);
    let stats = whole.stats();
    assert_eq!((stats.incomplete("return_missed"), stats.lost()), (0, 0), "{}", stats.0);
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
    late(call, &ended["args"], &ended["ret"], &ended["error"])
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

fn a_senders_last_call_is_told_of_while_it_lives() {
    let tracer = Tracer::start(&["--stats"]);
    let mut told = tracer.told();
    let stuck = Stuck::start(THREADS);
    let mut sender = Puppet::start();
    let sent: Vec<Value> = (0..5).map(|_| sender.call(SEND)).collect();
    told.until_has("five sends", &sent);
    stuck.assert_stuck();
    // It is there to be ordered about.
    sender.call("kill 1 0");
    let trace = tracer.finish();
    assert_eq!(trace.stats().lost(), 0, "{}", trace.stats().0);
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
