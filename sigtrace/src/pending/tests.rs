//! Whole answers.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::pending::processes::tests::proc;

const TERM: &str = "0000000000004000";
const HUP: &str = "0000000000000001";

/// A session of a few processes.
fn session() -> TempDir {
    let (root, _) = proc(&[
        (1, 0, &[("SigCgt", "0000000000004001"), ("Uid", "0\t0\t0\t0")]),
        (700, 1, &[("SigIgn", HUP)]),
        (701, 700, &[("SigIgn", HUP)]),
        (811, 1, &[("SigCgt", TERM)]),
        (812, 811, &[("SigBlk", TERM), ("ShdPnd", TERM)]),
        (900, 1, &[("NSpid", "900\t1")]),
        (950, 1, &[("State", "T (stopped)"), ("TracerPid", "701")]),
        (960, 1, &[("State", "Z (zombie)")]),
    ]);
    root
}

/// What is printed, and the processes that are missing.
fn answer(pids: &[u32], json: bool) -> (String, Vec<u32>) {
    let signals = 1 | 1 << 14;
    let query = Query { pids: pids.to_vec(), signals, json, width: None };
    let (mut out, mut missing) = (Vec::new(), Vec::new());
    let root = session();
    let all_there = write(&mut out, root.path(), &query, &mut |pid| missing.push(pid)).unwrap();
    assert_eq!(all_there, missing.is_empty());
    (String::from_utf8(out).unwrap(), missing)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[test]
fn the_table_has_what_is_pending_and_what_has_no_effect() {
    let (text, _) = answer(&[], false);
    assert_eq!(
        lines(&text),
        [
            "PID  COMM  UID  SIGNAL   PENDING  FATE                  INHERITED FROM",
            "700  p700  33   SIGHUP   no       ignored               -",
            "701  p701  33   SIGHUP   no       ignored               p700[700]",
            "812  p812  33   SIGTERM  yes      blocked               -",
            "900  p900  33   SIGHUP   no       init_without_handler  -",
            "900  p900  33   SIGTERM  no       init_without_handler  -",
        ]
    );
}

#[test]
fn a_process_is_told_of_in_words() {
    let (text, missing) = answer(&[812, 701, 900, 811], false);
    assert_eq!(missing, [0_u32; 0]);
    assert_eq!(
        lines(&text),
        [
            "p812[812]: user 33, child of p811[811]",
            "  SIGHUP: terminates the process",
            "  SIGTERM: pending; blocked by the process itself, or by a thread of its parent that has \
             ended (no thread of p811[811] blocks it); it stays pending until a thread unblocks it, or \
             takes it with sigwait(3) or a signalfd",
            "p701[701]: user 33, child of p700[700]",
            "  SIGHUP: no effect: ignored, as by its parent p700[700]",
            "  SIGTERM: terminates the process",
            "p900[900]: user 33, child of p1[1], 1 in its pid namespace",
            "  SIGHUP: no effect: the process is the init of its pid namespace and has no handler for it",
            "  SIGTERM: no effect: the process is the init of its pid namespace and has no handler for it",
            "p811[811]: user 33, child of p1[1]",
            "  SIGHUP: terminates the process",
            "  SIGTERM: caught: runs its handler",
        ]
    );
}

#[test]
fn a_process_that_is_stopped_traced_or_over_is_told_as_such() {
    let (text, missing) = answer(&[950, 960, 13], false);
    assert_eq!(missing, [13]);
    assert_eq!(
        lines(&text),
        [
            "p950[950]: user 33, child of p1[1]",
            "  SIGHUP: terminates the process, once the stopped process is continued (SIGCONT); its tracer \
             p701[701] sees it first and may drop it",
            "  SIGTERM: terminates the process, once the stopped process is continued (SIGCONT); its \
             tracer p701[701] sees it first and may drop it",
            "p960[960]: user 33, child of p1[1]",
            "  SIGHUP: no effect: the process has ended and waits for p1[1] to reap it",
            "  SIGTERM: no effect: the process has ended and waits for p1[1] to reap it",
        ]
    );
}

#[test]
fn json_has_the_same() {
    let (text, _) = answer(&[701, 812], true);
    let objects: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let signal = |sig: &str, signo: i32, pending: bool, fate: &str, from: Value| json!({ "sig": sig, "signo": signo, "pending": pending, "fate": fate, "inherited_from": from });
    let process = |pid: u32, parent: u32, pending: &[&str], signals: [Value; 2]| {
        json!({ "pid": pid, "comm": format!("p{pid}"), "uid": 33, "ns_pid": null, "state": "S",
            "threads": 1, "parent": { "pid": parent, "comm": format!("p{parent}") }, "tracer": null,
            "pending": pending, "thread_pending": [], "signals": signals })
    };
    let from = json!({ "pid": 700, "comm": "p700" });
    let terminates = |sig, signo| signal(sig, signo, false, "terminate", Value::Null);
    assert_eq!(
        objects,
        [
            process(
                701,
                700,
                &[],
                [signal("SIGHUP", 1, false, "ignored", from), terminates("SIGTERM", 15)]
            ),
            process(
                812,
                811,
                &["SIGTERM"],
                [terminates("SIGHUP", 1), signal("SIGTERM", 15, true, "blocked", Value::Null)]
            ),
        ]
    );
}
