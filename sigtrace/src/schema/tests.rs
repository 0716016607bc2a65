//! That the schema is one, that it knows every name, and that it bites. That all which is printed
//! fits it, the tests of the output see to.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::document;
use crate::{
    agent::{Incomplete, Losses, Returns},
    output::{Blind, Event, Format, Json, Lost, Sets, Stats},
};

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::options()
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(&document())
        .unwrap()
});

/// What is wrong with an event, and where.
fn problem(event: &Value) -> Option<String> {
    let error = VALIDATOR.validate(event).err()?;
    Some(format!("{}: {error}", error.instance_path()))
}

/// Asserts that a line is an event of the schema.
#[track_caller]
pub(crate) fn assert_valid(line: &str) {
    let event = serde_json::from_str(line).unwrap();
    assert_eq!(problem(&event), None, "{line}");
}

/// Asserts that an event with this in this place is none, and why.
#[track_caller]
fn assert_bites(event: &Value, place: &str, wrong: Value, reason: &str) {
    let mut event = event.clone();
    *event.pointer_mut(place).unwrap() = wrong;
    let problem = problem(&event).unwrap_or_else(|| panic!("nothing is wrong with {event}"));
    assert!(problem.starts_with(place) && problem.contains(reason), "{problem}");
}

/// A send with everything in it.
fn call() -> Value {
    json!({
        "event": "syscall", "id": 41, "time": "2026-11-21T19:53:08.123456789Z", "seq": 17, "cpu": 3,
        "syscall": "pidfd_send_signal", "abi": "x86_64", "pid": 812, "tid": 815, "ppid": 1,
        "uid": 33, "gid": 34, "comm": "nginx", "cgroup": 4321,
        "args": {
            "pidfd": 4, "sig": "SIGRTMIN", "signo": 34,
            "info": {
                "sig": "SIGRTMIN", "signo": 34, "code": "SI_QUEUE", "errno": 0,
                "pid": 9, "uid": 0, "int": 7, "ptr": "0x7",
            },
            "flags": ["PIDFD_SIGNAL_THREAD", "0x8"], "target": 77,
        },
        "ret": -3, "error": "ESRCH", "duration_ns": 812,
    })
}

/// The return of a wait with everything in it.
fn returned() -> Value {
    json!({
        "event": "return", "request": 41, "time": "2026-11-21T19:53:15.323456789Z", "seq": 90,
        "syscall": "rt_sigtimedwait", "pid": 812, "tid": 815,
        "args": {
            "set": ["SIGUSR1"],
            "info": {
                "sig": "SIGUSR1", "signo": 10, "code": "SI_USER", "errno": 0, "pid": 9, "uid": 0,
            },
            "timeout": { "sec": 9, "nsec": 0 }, "sigsetsize": 8,
        },
        "ret": 10, "error": null, "duration_ns": 7_200_000_000_u64,
    })
}

/// An action with everything in it.
fn action() -> Value {
    let mut call = call();
    call["syscall"] = "rt_sigaction".into();
    call["args"] = json!({
        "sig": "SIGHUP", "signo": 1,
        "act": {
            "handler": "0x55d0c0de1000", "flags": ["SA_RESTORER"], "restorer": "0x7f00deadb000",
            "mask": ["SIGINT"],
        },
        "oldact": { "address": "0x7ffe0000" }, "sigsetsize": 8,
    });
    call["changed"] = json!({
        "handler": { "from": "SIG_DFL", "to": "0x55d0c0de1000" },
        "flags": { "from": [], "to": ["SA_RESTORER"] },
        "mask": null,
    });
    call
}

/// The places of everything in an event that has no parts.
fn leaves(event: &Value) -> Vec<String> {
    let (mut places, mut leaves) = (vec![String::new()], Vec::new());
    while let Some(place) = places.pop() {
        let part = |part: &dyn std::fmt::Display| format!("{place}/{part}");
        match event.pointer(&place).unwrap() {
            Value::Object(object) => places.extend(object.keys().map(|key| part(key))),
            Value::Array(array) => places.extend((0..array.len()).map(|index| part(&index))),
            _ => leaves.push(place),
        }
    }
    leaves
}

/// The end of a process.
fn exit() -> Value {
    let record = crate::decode::tests_of_exit::segfault(&[]);
    let clock = crate::decode::WallClock { offset_ns: 0 };
    printed(Event::Exit(&crate::decode::exit(&record, clock).unwrap(), None))
}

/// A signal that is sent.
fn generate() -> Value {
    use crate::decode::tests_of_generate::{bytes_of, terminate};
    let clock = crate::decode::WallClock { offset_ns: 0 };
    printed(Event::Generate(
        &crate::decode::generate(&bytes_of(&terminate()), clock).unwrap(),
        None,
    ))
}

/// A signal that is taken.
fn deliver() -> Value {
    use crate::decode::tests_of_deliver::{bytes_of, taken};
    let clock = crate::decode::WallClock { offset_ns: 0 };
    printed(Event::Deliver(&crate::decode::deliver(&bytes_of(&taken()), clock).unwrap(), None))
}

fn printed(event: Event<'_>) -> Value {
    let mut line = Vec::new();
    Json::new(Sets::Names).write(event, &mut line).unwrap();
    serde_json::from_slice(&line).unwrap()
}

fn lost() -> Value {
    let lost = Lost {
        time_ns: 1,
        causes: Losses::default().causes(),
        returns: 0,
        events: Vec::new(),
        most: None,
    };
    printed(Event::Lost(&lost))
}

fn blind() -> Value {
    let blind = Blind {
        until_ns: Some(2),
        syscalls: vec!["kill", "tkill"],
        reason: "kprobes are disabled".to_owned(),
        ..Blind::default()
    };
    printed(Event::Blind(&blind))
}

fn stats() -> Value {
    let stats = Stats {
        printed: vec![("kill", 42), ("pause", 1)],
        lost: Losses::default().causes(),
        incomplete: Incomplete::default().holes(),
        returns: Returns::default().counts(),
        probes: vec![("kill", "kprobe"), ("pause", "unsupported")],
        ..Stats::default()
    };
    printed(Event::Stats(&stats))
}

#[test]
fn the_schema_is_one() {
    jsonschema::meta::validate(&document()).unwrap();
}

#[test]
fn events_of_every_kind_fit() {
    for event in
        [call(), action(), returned(), generate(), deliver(), exit(), lost(), blind(), stats()]
    {
        assert_eq!(problem(&event), None, "{event}");
    }
}

#[test]
fn every_kind_has_its_keys_in_the_order_of_the_output() {
    let document = document();
    for event in [call(), returned(), generate(), deliver(), exit(), lost(), blind(), stats()] {
        let kind = event["event"].as_str().unwrap();
        let required = document["$defs"][kind]["required"].as_array().unwrap();
        assert!(required.iter().eq(event.as_object().unwrap().keys()), "{kind}");
    }
}

#[test]
fn a_missing_key_is_refused() {
    let places =
        ["", "/args", "/args/info", "/args/act", "/lost", "/incomplete", "/returns", "/process"];
    for event in
        [call(), action(), returned(), generate(), deliver(), exit(), lost(), blind(), stats()]
    {
        for place in places {
            let Some(object) = event.pointer(place).and_then(Value::as_object) else { continue };
            for key in object.keys() {
                let mut less = object.clone();
                less.remove(key);
                assert_bites(&event, place, less.into(), "");
            }
        }
    }
}

#[test]
fn a_key_too_many_is_refused() {
    let places = [
        "",
        "/args",
        "/args/info",
        "/args/act",
        "/args/oldact",
        "/lost",
        "/process",
        "/incomplete",
        "/returns",
    ];
    for event in
        [call(), action(), returned(), generate(), deliver(), exit(), lost(), blind(), stats()]
    {
        for place in places {
            let Some(object) = event.pointer(place).and_then(Value::as_object) else { continue };
            let mut more = object.clone();
            more.insert("more".into(), 1.into());
            assert_bites(&event, place, more.into(), "");
        }
    }
}

#[test]
fn another_type_is_refused_in_every_place() {
    for event in
        [call(), action(), returned(), generate(), deliver(), exit(), lost(), blind(), stats()]
    {
        for place in leaves(&event) {
            for wrong in [json!(true), json!(1.5), json!({}), json!([]), json!("no such name")] {
                // A name is what a name has to be, and a reason is for people.
                let is_any = place.ends_with("/comm") || place == "/reason";
                let is_of_type = is_any && wrong.is_string()
                    || event.pointer(&place).is_some_and(Value::is_boolean) && wrong.is_boolean();
                if !is_of_type {
                    let mut event = event.clone();
                    *event.pointer_mut(&place).unwrap() = wrong;
                    assert!(problem(&event).is_some(), "{place}: {event}");
                }
            }
        }
    }
}

#[test]
fn an_error_tells_what_is_wrong() {
    for (event, place, wrong, reason) in [
        (call(), "/event", json!("sycall"), "not one of"),
        (call(), "/abi", json!("mips"), "not one of"),
        (call(), "/time", json!("2026-11-21 19:53:08"), "does not match"),
        (call(), "/args/sig", json!("SIGTREM"), ""),
        (call(), "/args/flags", json!(["0x8", "0x9"]), ""),
        (call(), "/args/target", json!(0), ""),
        (call(), "/args/info/code", json!("SI_TIMER"), ""),
        (call(), "/ret", json!(null), "integer"),
        (call(), "/id", json!(1_u64 << 53), "maximum"),
        (call(), "/cgroup", json!(1_u64 << 53), ""),
        (call(), "/cgroup", json!("9007199254740"), ""),
        (call(), "/ret", json!(-(1_i64 << 53)), ""),
        (call(), "/ret", json!("9"), ""),
        (call(), "/pid", json!(-1), "minimum"),
        (call(), "/pid", json!(1_u64 << 32), "maximum"),
        (call(), "/comm", json!("more than 16 bytes"), "longer than 16"),
        (action(), "/args/act/mask", json!(["SIGINT", "SIGINT"]), ""),
        (action(), "/args/act/mask", json!("0x2"), ""),
        (action(), "/args/oldact/address", json!("0X7"), ""),
        (returned(), "/request", json!(-1), "minimum"),
        (returned(), "/args/info/sig", json!("USR1"), ""),
        (blind(), "/until", json!("never"), ""),
        (blind(), "/syscalls", json!([]), "less than 1 item"),
        (blind(), "/syscalls", json!(["kill", "kill"]), "non-unique"),
        (blind(), "/syscalls/1", json!("klil"), "not one of"),
        (blind(), "/reason", json!(""), "shorter than 1"),
        (stats(), "/probes/kill", json!("uprobe"), "not one of"),
    ] {
        let mut wrong_event = event.clone();
        *wrong_event.pointer_mut(place).unwrap() = wrong;
        let problem = problem(&wrong_event).unwrap_or_else(|| panic!("{place}: {wrong_event}"));
        assert!(place.starts_with(problem.split(':').next().unwrap()), "{place}: {problem}");
        assert!(problem.contains(reason), "{place}: {problem}");
    }
}

#[test]
fn only_a_siginfo_that_is_sent_has_another_signal_written_in_it() {
    let mut sent = call();
    sent["args"]["info"]["written_signo"] = 12.into();
    assert_eq!(problem(&sent), None);
    sent["args"]["info"]["written_signo"] = "SIGUSR2".into();
    assert!(problem(&sent).is_some());
    let mut received = returned();
    received["args"]["info"]["written_signo"] = 12.into();
    assert!(problem(&received).is_some());
}

#[test]
fn an_integer_of_more_than_53_bits_is_a_string() {
    let mut event = call();
    event["cgroup"] = "18446744073709551615".into();
    event["ret"] = "-9223372036854775808".into();
    event["duration_ns"] = "9007199254740992".into();
    assert_eq!(problem(&event), None);
    event["pid"] = "4294967295".into();
    assert!(problem(&event).is_some());
}

#[test]
fn a_blind_time_that_is_not_over_has_no_end() {
    let mut event = blind();
    event["until"] = Value::Null;
    assert_eq!(problem(&event), None);
}

#[test]
fn a_call_has_the_arguments_of_its_own_row_only() {
    let mut event = call();
    event["syscall"] = "kill".into();
    assert!(problem(&event).is_some());
}

#[test]
fn a_call_without_a_result_says_so() {
    let mut event = call();
    for key in ["ret", "error", "duration_ns"] {
        event[key] = Value::Null;
    }
    assert!(problem(&event).is_some());
    event["return"] = "missed".into();
    assert_eq!(problem(&event), None);
    event["return"] = "lost".into();
    assert!(problem(&event).is_some());
}

#[test]
fn a_return_has_a_result_or_was_missed() {
    let mut event = returned();
    for key in ["ret", "error", "duration_ns"] {
        event[key] = Value::Null;
    }
    assert!(problem(&event).is_some());
    event["return"] = "missed".into();
    assert_eq!(problem(&event), None);
    event["return"] = "unfinished".into();
    assert!(problem(&event).is_some());
}
