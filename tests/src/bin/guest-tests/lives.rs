//! The life of signals: from the call to who takes them, and whom they end.

use serde_json::{Value, json};
use sigtrace_tests::harness::{Background, Test, Trace, Tracer};
use sigtrace_tests::{names, tests};

/// All of them.
pub const TESTS: &[Test] = tests![
    signals_are_followed_from_the_call_to_who_takes_them_and_whom_they_end,
    what_takes_a_signal_is_followed_without_what_sends_it,
];

/// What the workload did.
fn taken() -> Value {
    let ended = Background::start("cause", &["taken"]).end();
    assert!(ended.status.success(), "{ended:#?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:#?}"))
}

/// Of the signals that a process took: by name, with the index among those sent to it of the one that it was, and
/// whether it was known since when.
fn delivers(trace: &Trace, pid: &Value) -> Vec<(Value, Option<usize>)> {
    let sent: Vec<&Value> =
        trace.generates().filter(|sent| sent["target"]["pid"] == *pid).collect();
    let taken = trace.events.iter().filter(|it| it["event"] == "deliver");
    taken
        .filter(|it| it["process"]["pid"] == *pid)
        .map(|it| {
            let index = sent.iter().position(|sent| sent["id"] == it["generate"]);
            if let Some(index) = index {
                let same = ["sig", "info"].iter().all(|key| sent[index][key] == it[key]);
                let is_filled = sent[index]["info"].is_null();
                assert!(same || is_filled, "{it}\nis not\n{}", sent[index]);
            }
            (it["sig"].clone(), index)
        })
        .collect()
}

/// The signal that ended a process, and the call that sent it.
fn ended(trace: &Trace, pid: &Value) -> [Value; 3] {
    let exit = trace.exits().find(|exit| exit["process"]["pid"] == *pid);
    let exit = exit.unwrap_or_else(|| panic!("{pid} has not ended"));
    let sent = trace.generates().find(|sent| sent["id"] == exit["generate"]);
    let sent = sent.unwrap_or_else(|| panic!("nothing ended it: {exit}"));
    let call = trace.calls().find(|call| call["id"] == sent["request"]);
    let call = call.unwrap_or_else(|| panic!("nobody sent it: {sent}"));
    [sent["sig"].clone(), call["syscall"].clone(), call["args"]["pid"].clone()]
}

fn signals_are_followed_from_the_call_to_who_takes_them_and_whom_they_end() {
    let tracer = Tracer::start(&["--events", "all", "-s", "@send", "--stats"]);
    let facts = taken();
    let trace = tracer.finish();
    let sig = |name: &str, index| (json!(name), Some(index));
    let queued = |index| (json!(names::signal(libc::SIGRTMIN())), Some(index));
    let pid = |who: &str| facts[who].clone();
    assert_eq!(delivers(&trace, &pid("at_once")), [sig("SIGUSR1", 0)]);
    // The second is merged into the first. Of two that are alike but for their values each is told apart; what a
    // call waits for is taken by that. The lowest number is taken first, so that its handler runs last.
    let mut later = delivers(&trace, &pid("later"));
    later.sort_by_key(|(_, index)| *index);
    assert_eq!(later, [sig("SIGUSR1", 0), queued(2), queued(3)]);
    let merged: Vec<&Value> =
        trace.generates().filter(|sent| sent["target"]["pid"] == pid("later")).collect();
    assert_eq!(merged[1]["merged_into"], merged[0]["id"]);
    // That of the first is not taken: the process ends at once.
    assert_eq!(delivers(&trace, &pid("ended")), []);
    assert_eq!(delivers(&trace, &pid("aborted")), [sig("SIGABRT", 0)]);
    for (who, sig) in [("ended", "SIGTERM"), ("aborted", "SIGABRT")] {
        assert_eq!(ended(&trace, &pid(who)), [json!(sig), json!("kill"), pid(who)], "{who}");
    }
    let count = |kind: &str| trace.events.iter().filter(|it| it["event"] == kind).count() as u64;
    assert_eq!(trace.stats().generates(), [count("generate"), 0, 0]);
    assert_eq!(trace.stats().delivers(), [count("deliver"), 0, 0]);
    assert_eq!(trace.stats().exits(), [count("exit"), 0, 0]);
}

fn what_takes_a_signal_is_followed_without_what_sends_it() {
    // Without `generate` they are followed all the same.
    let tracer = Tracer::start(&["--events", "deliver,exit", "--stats"]);
    let facts = taken();
    let trace = tracer.finish();
    let of = |who: &str| {
        let taken = trace.events.iter().filter(|it| it["event"] == "deliver");
        let taken = taken.filter(|it| it["process"]["pid"] == facts[who]);
        taken.map(|it| it["latency_ns"].is_u64()).collect::<Vec<_>>()
    };
    assert_eq!(
        (of("at_once"), of("later"), of("aborted")),
        (vec![true], vec![true; 3], vec![true])
    );
    let exits: Vec<_> =
        trace.exits().filter(|exit| exit["process"]["pid"] == facts["ended"]).collect();
    assert_eq!((exits.len(), exits[0]["generate"].is_u64()), (1, true));
    assert_eq!(trace.generates().count(), 0);
}
