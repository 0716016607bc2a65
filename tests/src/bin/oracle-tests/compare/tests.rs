//! Lines of strace beside events.

use std::slice;

use serde_json::{Value, json};

use super::*;
use crate::log;
use crate::told::Told;

/// Compares what strace told of thread 7 with events.
fn compared(log: &str, events: &[Value]) -> Comparison {
    let thread = log::read(log).unwrap().remove(&7).unwrap_or_default();
    let [strace, sigtrace] = Told::new(events).beside(7, &thread);
    let mut comparison = Comparison::default();
    comparison.thread(7, &strace, &sigtrace);
    comparison
}

/// How much was compared, how many differences there are, and the names of the tolerated ones.
fn result(comparison: &Comparison) -> (Counts, usize, Vec<&str>) {
    let Comparison { counts, tolerated, differences, .. } = comparison;
    (*counts, *differences, tolerated.keys().copied().collect())
}

/// The event of `kill(9, signo)`.
fn kill(name: &str, signo: i32, comm: &str) -> Value {
    json!({
        "event": "syscall", "pid": 7, "tid": 7, "syscall": "kill", "comm": comm, "args": { "pid": 9, "sig": name, "signo": signo },
        "ret": 0, "error": null,
    })
}

/// The event of a signal that thread `tid` of process 7 takes from `sender`.
fn deliver(tid: i32, name: &str, signo: i32, sender: i32) -> Value {
    json!({
        "event": "deliver", "generate": null, "sig": name, "signo": signo,
        "info": {
            "sig": name, "signo": signo, "code": "SI_USER", "errno": 0, "pid": sender, "uid": 0,
        },
        "handler": "SIG_DFL", "flags": [], "latency_ns": null,
        "process": { "pid": 7, "tid": tid, "comm": "sh" },
    })
}

/// The event of the end of process 7.
fn end(name: &str, signo: i32, core_dumped: bool) -> Value {
    json!({
        "event": "exit", "sig": name, "signo": signo, "core_dumped": core_dumped,
        "process": { "pid": 7, "comm": "sh" },
    })
}

const TERM: &str = "7  kill(9, SIGTERM) = 0\n";

#[test]
fn the_same_is_no_difference() {
    let comparison = compared(TERM, &[kill("SIGTERM", 15, "sh")]);
    assert_eq!((comparison.counts.calls, comparison.differences), (1, 0));
}

#[test]
fn the_signal_written_in_a_siginfo_is_the_one_that_strace_shows() {
    let log = "7  rt_sigqueueinfo(9, SIGUSR1, {si_signo=SIGUSR2, si_code=SI_QUEUE, si_pid=5, \
               si_uid=6, si_int=7, si_ptr=0x7}) = 0\n";
    let event = |written: Option<i32>| {
        let mut info = json!({
            "sig": "SIGUSR1", "signo": 10, "code": "SI_QUEUE", "errno": 0, "pid": 5, "uid": 6,
            "int": 7, "ptr": "0x7",
        });
        if let Some(written) = written {
            info["written_signo"] = json!(written);
        }
        json!({
            "event": "syscall", "pid": 7, "tid": 7, "syscall": "rt_sigqueueinfo", "ret": 0, "error": null,
            "args": { "tgid": 9, "sig": "SIGUSR1", "signo": 10, "info": info },
        })
    };
    assert_eq!(compared(log, &[event(Some(12))]).differences, 0);
    assert_eq!(compared(log, &[event(None)]).differences, 2);
}

#[test]
fn another_value_is_a_difference() {
    let with = |ret: Value| {
        let mut event = kill("SIGTERM", 15, "sh");
        event["ret"] = ret;
        event
    };
    let events =
        [kill("SIGKILL", 15, "sh"), kill("SIGTERM", 9, "sh"), with(json!(1)), with(Value::Null)];
    for event in events {
        assert_eq!(compared(TERM, &[event]).differences, 1);
    }
}

#[test]
fn a_call_that_one_does_not_tell_of_is_a_difference() {
    assert_eq!(compared(TERM, &[]).differences, 1);
    assert_eq!(compared("", &[kill("SIGTERM", 15, "sh")]).differences, 1);
    let twice = [kill("SIGTERM", 15, "sh"), kill("SIGTERM", 15, "sh")];
    assert_eq!(compared(TERM, &twice).differences, 1);
}

#[test]
fn straces_own_calls_are_passed_over() {
    let events = [kill("SIGSTOP", 19, "strace"), kill("SIGTERM", 15, "sh")];
    let comparison = compared(TERM, &events);
    assert_eq!((comparison.counts.calls, comparison.differences), (1, 0));
    assert_eq!(comparison.tolerated.values().sum::<usize>(), 1);
}

#[test]
fn a_thread_that_was_killed_need_not_have_called() {
    let log = "7  kill(9, SIGTERM <unfinished ...>) = ?\n7  +++ killed by SIGKILL +++\n";
    let killed = end("SIGKILL", 9, false);
    assert_eq!(compared(log, slice::from_ref(&killed)).differences, 0);
    assert_eq!(compared(log, &[kill("SIGTERM", 15, "sh"), killed.clone()]).differences, 0);
    assert_eq!(compared(log, &[kill("SIGKILL", 9, "sh"), killed]).differences, 2);
}

const TAKEN: &str = "7  --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=9, si_uid=0} ---\n";
const KILLED: &str = "7  +++ killed by SIGKILL +++\n";

/// One of each.
const EACH: Counts = Counts { calls: 1, taken: 1, ended: 1, dumped: 0 };

/// Two of the list.
const ERRNO: &str = "an errno of 0 in a siginfo";
const STOPPED: &str = "a signal at whose stop the thread was killed";

#[test]
fn a_signal_and_the_end_by_it_are_compared() {
    let log = format!("{TERM}{TAKEN}7  +++ killed by SIGTERM +++\n");
    let call = kill("SIGTERM", 15, "sh");
    let taken = deliver(7, "SIGTERM", 15, 9);
    let comparison = compared(&log, &[call, taken, end("SIGTERM", 15, false)]);
    assert_eq!(result(&comparison), (EACH, 0, vec![ERRNO]));
}

#[test]
fn ends_with_a_core_dump_are_counted() {
    let log = "7  +++ killed by SIGQUIT (core dumped) +++\n";
    let dumped = Counts { ended: 1, dumped: 1, ..Counts::default() };
    assert_eq!(result(&compared(log, &[end("SIGQUIT", 3, true)])), (dumped, 0, vec![]));
}

#[test]
fn another_signal_sender_or_end_is_a_difference() {
    let log = format!("{TAKEN}7  +++ killed by SIGTERM +++\n");
    let (taken, ended) = (deliver(7, "SIGTERM", 15, 9), end("SIGTERM", 15, false));
    for (events, differences) in [
        // Its name and number, and those in the siginfo.
        ([deliver(7, "SIGHUP", 1, 9), ended.clone()], 4),
        ([deliver(7, "SIGTERM", 15, 8), ended], 1),
        ([taken.clone(), end("SIGTERM", 15, true)], 1),
        ([taken, end("SIGKILL", 9, false)], 2),
    ] {
        assert_eq!(compared(&log, &events).differences, differences, "{events:?}");
    }
}

#[test]
fn a_signal_that_one_does_not_tell_of_is_a_difference() {
    let twice = [deliver(7, "SIGTERM", 15, 9), deliver(7, "SIGTERM", 15, 9)];
    assert_eq!(compared(TAKEN, &[]).differences, 1);
    assert_eq!(compared(TAKEN, &twice).differences, 1);
    assert_eq!(compared("7  +++ exited with 0 +++\n", &twice).differences, 2);
}

#[test]
fn an_end_that_one_does_not_tell_of_is_a_difference() {
    assert_eq!(compared(KILLED, &[]).differences, 1);
    assert_eq!(compared("7  +++ exited with 0 +++\n", &[end("SIGKILL", 9, false)]).differences, 1);
}

#[test]
fn a_signal_comes_in_its_place_among_the_calls() {
    let events = [deliver(7, "SIGTERM", 15, 9), kill("SIGTERM", 15, "sh")];
    assert_eq!(compared(&format!("{TAKEN}{TERM}"), &events).differences, 0);
    assert!(compared(&format!("{TERM}{TAKEN}"), &events).differences > 0);
}

#[test]
fn a_thread_that_is_killed_at_its_stop_need_not_have_taken_the_signal() {
    let log = format!("{TAKEN}{KILLED}");
    let (taken, killed) = (deliver(7, "SIGTERM", 15, 9), end("SIGKILL", 9, false));
    let ended = Counts { ended: 1, ..Counts::default() };
    let missing = compared(&log, slice::from_ref(&killed));
    assert_eq!(result(&missing), (ended, 0, vec![STOPPED]));
    let unseen = compared(KILLED, &[taken.clone(), killed.clone()]);
    assert_eq!(result(&unseen), (ended, 0, vec![STOPPED]));
    let both = compared(&log, &[taken, killed.clone()]);
    assert_eq!(result(&both), (Counts { taken: 1, ..ended }, 0, vec![ERRNO]));
    let another = compared(&log, &[deliver(7, "SIGTERM", 15, 8), killed]);
    assert_eq!(another.differences, 1);
}

#[test]
fn a_thread_that_is_killed_after_it_stopped_has_taken_the_signal() {
    let log = format!(
        "7  --- SIGSTOP {{si_signo=SIGSTOP, si_code=SI_USER, si_pid=9, si_uid=0}} ---\n\
         7  --- stopped by SIGSTOP ---\n{KILLED}"
    );
    let killed = end("SIGKILL", 9, false);
    let comparison = compared(&log, &[deliver(7, "SIGSTOP", 19, 9), killed.clone()]);
    let counts = Counts { calls: 0, ..EACH };
    assert_eq!(result(&comparison), (counts, 0, vec!["a thread that stops", ERRNO]));
    assert!(compared(&log, &[killed]).differences > 0);
}

#[test]
fn a_thread_that_another_ends_need_not_have_taken_the_signal() {
    let log = format!("{TAKEN}7  +++ exited with 0 +++\n");
    assert_eq!(compared(&log, &[]).differences, 1);
    let of_another_thread = deliver(8, "SIGHUP", 1, 9);
    let comparison = compared(&log, &[of_another_thread]);
    assert_eq!(result(&comparison), (Counts::default(), 0, vec![STOPPED]));
}

#[test]
fn the_end_of_a_process_is_that_of_each_of_its_threads_that_it_ends() {
    let (mut call, mut ended) = (kill("SIGTERM", 15, "sh"), end("SIGKILL", 9, false));
    call["pid"] = json!(6);
    ended["process"]["pid"] = json!(6);
    let events = [call, ended];
    let killed = compared(&format!("{TERM}{KILLED}"), &events);
    assert_eq!(result(&killed), (Counts { taken: 0, ..EACH }, 0, vec![]));
    let before = compared(&format!("{TERM}7  +++ exited with 0 +++\n"), &events);
    assert_eq!(result(&before), (Counts { calls: 1, ..Counts::default() }, 0, vec![]));
}

#[test]
fn threads_stop_together() {
    let stopped = compared("7  --- stopped by SIGTSTP ---\n", &[]);
    assert_eq!(result(&stopped), (Counts::default(), 0, vec!["a thread that stops"]));
}
