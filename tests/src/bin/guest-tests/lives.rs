//! The life of signals: from the call to who takes them, and whom they end.

use serde_json::{Value, json};
use sigtrace_tests::harness::{Background, Puppet, Test, Trace, Tracer};
use sigtrace_tests::{names, tests};

/// All of them.
pub const TESTS: &[Test] = tests![
    signals_are_followed_from_the_call_to_who_takes_them_and_whom_they_end,
    what_takes_a_signal_is_followed_without_what_sends_it,
    calls_that_take_signals_say_which_as_far_as_that_is_certain,
    calls_do_not_take_what_was_sent_before_tracing_for_something_else,
];

/// What the workload did.
fn taken() -> Value {
    performed("taken")
}

/// Likewise, in this way.
pub(crate) fn performed(how: &str) -> Value {
    let ended = Background::start("cause", &[how]).end();
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

/// Of the signals that a process took by calls: the index among those sent to it of the one that each was, if that is
/// known.
fn taken_by_calls(trace: &Trace, pid: &Value) -> Vec<Option<usize>> {
    let sent: Vec<&Value> =
        trace.generates().filter(|sent| sent["target"]["pid"] == *pid).collect();
    let calls = trace.calls().filter(|call| call["pid"] == *pid && call["error"].is_null());
    let mut taken = Vec::new();
    for call in calls {
        let infos: Vec<(&Value, &Value)> = match call["syscall"].as_str() {
            Some("rt_sigtimedwait") => vec![(&call["args"]["info"], &call["generate"])],
            Some("read") => {
                let infos = call["args"]["siginfo"].as_array().into_iter().flatten();
                infos.map(|info| (info, &info["generate"])).collect()
            }
            _ => continue,
        };
        for (info, id) in infos {
            let index = sent.iter().position(|sent| sent["id"] == *id);
            assert_eq!(index.is_none(), id.is_null(), "{call}");
            if let Some(index) = index {
                assert_eq!(info["signo"], sent[index]["signo"], "{call}");
            }
            taken.push(index);
        }
    }
    taken
}

fn calls_that_take_signals_say_which_as_far_as_that_is_certain() {
    let calls = ["-s", "rt_sigtimedwait,read"];
    // One that is not told of what handlers take.
    let kinds = ["all", "syscall,generate", "syscall"];
    let tracers = kinds.map(|kinds| Tracer::start(&[&["--events", kinds], &calls[..]].concat()));
    let facts = performed("taken-by-calls");
    let [all, without_handlers, without_signals] = tracers.map(Tracer::finish);
    for trace in [all, without_handlers] {
        assert_calls_took(&trace, &facts);
    }
    let says =
        |call: &Value| call.get("generate").is_some() || call.to_string().contains("generate");
    assert!(without_signals.calls().count() > 10 && !without_signals.calls().any(says));
}

/// What those took by calls that performed this while it was traced.
pub(crate) fn assert_calls_took(trace: &Trace, facts: &Value) {
    let taken = |who: &str| taken_by_calls(trace, &facts[who]);
    assert_eq!(taken("waiting"), [Some(0)]);
    assert_eq!(taken("again"), [Some(1)]);
    assert_eq!(taken("different"), [Some(0), Some(1), Some(2)]);
    // Each of the first two can have been taken by now, so that it would be another.
    assert_eq!(taken("alike"), [None, None, Some(2)]);
    assert_eq!(taken("between"), [None, Some(1), Some(2)]);
    // The lowest number first, and that was sent last.
    assert_eq!(taken("read"), [Some(1), Some(0)]);
    for pid in facts["inherited"].as_array().into_iter().flatten() {
        assert_eq!(taken_by_calls(trace, pid), [Some(0)]);
    }
    // What was sent to the thread first.
    assert_eq!(taken("both"), [Some(1), Some(0)]);
    assert_eq!(taken("merged"), [Some(0)]);
    assert_eq!(taken("lost"), [Some(0)]);
}

fn calls_do_not_take_what_was_sent_before_tracing_for_something_else() {
    let (usr1, usr2, rt) = (libc::SIGUSR1, libc::SIGUSR2, libc::SIGRTMIN());
    let mut puppet = Puppet::start();
    let (pid, mask) = (puppet.pid(), names::bits(&[usr1, usr2, rt]));
    puppet.call(&format!("rt_sigprocmask 2 {mask}"));
    let mut sender = Puppet::start();
    let mut send = |signo: i32| drop(sender.call(&format!("kill {pid} {signo}")));
    [usr1, rt].into_iter().for_each(&mut send);
    let tracer = Tracer::start(&["--events", "all", "-s", "rt_sigtimedwait"]);
    // The first is merged into the one that is pending, the second is like the one that is.
    [usr1, rt, usr2].into_iter().for_each(&mut send);
    let mut take = |signo: i32| {
        let call = format!("rt_sigtimedwait {} 0", names::bits(&[signo]));
        assert_eq!(puppet.call(&call)["ret"], signo);
    };
    [usr1, rt, rt, usr2].into_iter().for_each(&mut take);
    send(usr1);
    take(usr1);
    let trace = tracer.finish();
    let taken: Vec<&Value> = trace.calls().map(|call| &call["generate"]).collect();
    let sent = |index: usize| trace.generates().nth(index).map(|sent| &sent["id"]);
    let null = &Value::Null;
    let expected = [null, null, null, sent(2).unwrap_or(null), sent(3).unwrap_or(null)];
    assert_eq!(taken, expected);
}
