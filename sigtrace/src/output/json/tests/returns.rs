//! How calls end, who made them, and the accounting.

use std::mem::offset_of;

use sigtrace_common::{Record, State};

use super::*;
use crate::{
    decode::Comm,
    output::{Blind, Lost, Most, MostOf, Stats},
};

const ARGS: &str = r#"{"pid":1,"sig":"SIGHUP","signo":1}"#;

fn kill() -> Sample {
    Sample::of("kill", &[1, 1])
}

#[test]
fn an_error_has_its_name() {
    assert_eq!(line(&kill().ret(-3)), expected("kill", "x86_64", ARGS, "-3", r#""ESRCH""#));
}

#[test]
fn an_error_without_a_name_is_a_number() {
    assert_eq!(line(&kill().ret(-4000)), expected("kill", "x86_64", ARGS, "-4000", "4000"));
}

#[test]
fn a_number_below_every_error_is_none() {
    let line = line(&kill().ret(-4096));
    assert_eq!(line, expected("kill", "x86_64", ARGS, "-4096", "null"));
}

#[test]
fn a_missed_return_says_so_last() {
    for (state, word) in [(State::Missed, "missed"), (State::Entered, "unfinished")] {
        let whole = expected("kill", "x86_64", ARGS, "null", "null");
        let cut = whole.replace(
            r#""duration_ns":812}"#,
            &format!(r#""duration_ns":null,"return":"{word}"}}"#),
        );
        assert_eq!(line(&kill().state(state)), cut);
    }
}

/// The line of the return of a sample that was printed before, at 2026-11-21T19:53:15.323456789Z.
fn return_of(sample: &Sample) -> String {
    let mut call = decode::call(sample.bytes(), CLOCK).unwrap();
    (call.id, call.seq) = (41, 90);
    let line = event(Event::Return { call: &call, time_ns: 1_795_290_795_323_456_789 });
    assert_valid(&line);
    line
}

/// What every such line begins with, and what this one goes on with.
fn expected_return(syscall: &str, rest: &str) -> String {
    format!(
        r#"{{"event":"return","request":41,"time":"2026-11-21T19:53:15.323456789Z","seq":90,"syscall":"{syscall}","pid":812,"tid":815,{rest}}}"#
    ) + "\n"
}

#[test]
fn a_late_return_refers_to_its_call_and_has_what_that_could_not_have() {
    let wait = Sample::of("rt_sigtimedwait", &[0x7ffe_1000, 0x7ffe_2000, 0x7ffe_3000, 8])
        .points_to(0, &longs(&[set(&[10])]))
        .points_to(1, &ints(&[10, 0, 0, 0, 9, 0]))
        .points_to(2, &longs(&[9, 0]))
        .ret(10)
        .with(offset_of!(Record, duration_ns), &7_200_000_000_u64.to_ne_bytes());
    assert_eq!(
        return_of(&wait),
        expected_return(
            "rt_sigtimedwait",
            concat!(
                r#""args":{"set":["SIGUSR1"],"info":{"sig":"SIGUSR1","signo":10,"#,
                r#""code":"SI_USER","errno":0,"pid":9,"uid":0},"timeout":{"sec":9,"nsec":0},"#,
                r#""sigsetsize":8},"ret":10,"error":null,"duration_ns":7200000000"#
            )
        )
    );
}

#[test]
fn a_late_return_has_its_error() {
    assert_eq!(
        return_of(&Sample::of("pause", &[]).ret(-514)),
        expected_return(
            "pause",
            r#""args":{},"ret":-514,"error":"ERESTARTNOHAND","duration_ns":812"#
        )
    );
}

#[test]
fn a_late_return_that_was_missed_says_so_last() {
    assert_eq!(
        return_of(&kill().state(State::Missed)),
        expected_return(
            "kill",
            &format!(
                r#""args":{ARGS},"ret":null,"error":null,"duration_ns":null,"return":"missed""#
            )
        )
    );
}

#[test]
fn a_late_return_in_a_namespace_has_whom_its_call_was_aimed_at() {
    assert_eq!(
        return_of(&kill().in_namespace(1, 3).target(4711)),
        expected_return(
            "kill",
            r#""args":{"pid":1,"sig":"SIGHUP","signo":1,"target":4711},"ret":0,"error":null,"duration_ns":812"#
        )
    );
}

#[test]
fn an_unknown_parent_is_null() {
    let expected = expected("kill", "x86_64", ARGS, "0", "null");
    assert_eq!(line(&kill().ppid(0)), expected.replace(r#""ppid":1"#, r#""ppid":null"#));
}

#[test]
fn a_process_name_is_escaped_and_made_unicode() {
    for (comm, text) in [
        (&b""[..], r""),
        (b"a \"b\" \\c", r#"a \"b\" \\c"#),
        (b"\x1b[31m\n\x7f", "\\u001b[31m\\n\\u007f"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\xfex\xe2\x82", "\u{fffd}\u{fffd}x\u{fffd}"),
        (b"0123456789abcdef", "0123456789abcdef"),
    ] {
        let expected = expected("kill", "x86_64", ARGS, "0", "null")
            .replace(r#""comm":"nginx""#, &format!(r#""comm":"{text}""#));
        assert_eq!(line(&kill().comm(comm)), expected);
    }
}

#[test]
fn lost_calls_are_counted_by_cause() {
    let lost = Lost {
        time_ns: 1_795_290_788_123_456_789,
        causes: vec![("ring_full", 12), ("pending_full", 0)],
        returns: 3,
        events: Vec::new(),
        most: Some(Most {
            user: MostOf { what: 1000, lost: 12 },
            process: MostOf { what: (900, Comm(*b"flo[d\0\0\0\0\0\0\0\0\0\0\0"), 0), lost: 7 },
            syscall: MostOf { what: "kill", lost: 11 },
            signal: Some(MostOf { what: 65, lost: 9 }),
        }),
    };
    assert_eq!(
        event(Event::Lost(&lost)),
        concat!(
            r#"{"event":"lost","time":"2026-11-21T19:53:08.123456789Z","ring_full":12,"#,
            r#""pending_full":0,"returns":3,"most":{"user":{"uid":1000,"lost":12},"#,
            r#""process":{"pid":900,"comm":"flo[d","uid":0,"lost":7},"#,
            r#""syscall":{"syscall":"kill","lost":11},"#,
            r#""signal":{"sig":null,"signo":65,"lost":9}}}"#,
            "\n"
        )
    );
}

/// 5.023456789 s until 2026-11-21T19:53:08.123456789Z.
fn blind() -> Blind {
    Blind {
        time_ns: 1_795_290_788_123_456_789,
        seq: 22,
        since_ns: 1_795_290_783_100_000_000,
        until_ns: None,
        syscalls: vec!["kill", "tkill"],
        reason: "kprobes are disabled".to_owned(),
    }
}

/// The line of a blind time. It fits the schema.
fn blind_line(blind: &Blind) -> String {
    let line = event(Event::Blind(blind));
    assert_valid(&line);
    line
}

#[test]
fn a_blind_time_has_no_end_when_it_is_noticed() {
    assert_eq!(
        blind_line(&blind()),
        concat!(
            r#"{"event":"blind","time":"2026-11-21T19:53:08.123456789Z","seq":22,"#,
            r#""since":"2026-11-21T19:53:03.100000000Z","until":null,"#,
            r#""syscalls":["kill","tkill"],"reason":"kprobes are disabled"}"#,
            "\n"
        )
    );
}

#[test]
fn a_blind_time_has_an_end_when_the_probes_answer_again() {
    let over = Blind {
        seq: 23,
        until_ns: Some(1_795_290_788_000_000_000),
        syscalls: vec!["kill"],
        ..blind()
    };
    assert_eq!(
        blind_line(&over),
        concat!(
            r#"{"event":"blind","time":"2026-11-21T19:53:08.123456789Z","seq":23,"#,
            r#""since":"2026-11-21T19:53:03.100000000Z","until":"2026-11-21T19:53:08.000000000Z","#,
            r#""syscalls":["kill"],"reason":"kprobes are disabled"}"#,
            "\n"
        )
    );
}

#[test]
fn the_name_of_a_patch_is_escaped() {
    let patched = Blind { reason: "f is live patched by \"\x1b".to_owned(), ..blind() };
    let line = blind_line(&patched);
    assert_eq!(
        line,
        blind_line(&blind()).replace("kprobes are disabled", r#"f is live patched by \"\u001b"#)
    );
}

#[test]
fn stats_have_everything_that_adds_up() {
    let stats = Stats {
        time_ns: 1_795_290_788_123_456_789,
        elapsed_ns: 10_000_000_000,
        printed: vec![("kill", 42), ("pause", 1)],
        filtered: 7,
        merged: 5,
        lost: vec![("ring_full", 12), ("pending_full", 0)],
        incomplete: vec![("return_missed", 3), ("unreadable", 1)],
        returns: vec![("printed", 5), ("lost", 2)],
        events: Vec::new(),
        context: vec![],
        probes: vec![("kill", "kprobe"), ("pause", "kprobe")],
    };
    assert_eq!(
        event(Event::Stats(&stats)),
        concat!(
            r#"{"event":"stats","time":"2026-11-21T19:53:08.123456789Z","#,
            r#""elapsed_ns":10000000000,"printed":{"kill":42,"pause":1},"filtered":7,"merged":5,"#,
            r#""lost":{"ring_full":12,"pending_full":0},"#,
            r#""incomplete":{"return_missed":3,"unreadable":1},"#,
            r#""returns":{"printed":5,"lost":2},"#,
            r#""probes":{"kill":"kprobe","pause":"kprobe"}}"#,
            "\n"
        )
    );
}

fn event(event: Event<'_>) -> String {
    let mut buffer = Vec::new();
    Json::new(Sets::Names).write(event, &mut buffer).unwrap();
    String::from_utf8(buffer).unwrap()
}
