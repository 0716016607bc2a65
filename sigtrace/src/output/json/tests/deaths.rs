//! Ends of processes with the signals that caused them.

use serde_json::{Value, json};

use super::*;
use crate::{
    decode::{Exit, tests_of_exit::segfault, tests_of_generate},
    output::{Death, Sent},
};

fn death(sent: Option<&sigtrace_common::Generate>) -> Value {
    let exit = Exit { id: 44, seq: 20, ..decode::exit(&segfault(&[]), CLOCK).unwrap() };
    let generate = sent.map(|sent| {
        let generate = decode::generate(&tests_of_generate::bytes_of(sent), CLOCK).unwrap();
        decode::Generate { id: 42, ..generate }
    });
    let sent = generate.as_ref().map(|generate| Sent { generate, ends: None, memory_group: None });
    let mut buffer = Vec::new();
    let death = Death { exit: &exit, process: None, sent };
    Json::new(Sets::Names).write(Event::Death(&death), &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    assert_valid(&line);
    serde_json::from_str(&line).unwrap()
}

#[test]
fn a_death_has_its_signal_and_the_call_in_the_place_of_their_ids() {
    let event = death(Some(&tests_of_generate::terminate()));
    let keys: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "event",
            "id",
            "time",
            "seq",
            "cpu",
            "generate",
            "request",
            "reason",
            "sig",
            "signo",
            "core_dumped",
            "process"
        ]
    );
    let args = json!({ "pid": 812, "sig": "SIGTERM", "signo": 15 });
    assert_eq!(event["request"], json!({ "syscall": "kill", "args": args }));
    let generate = &event["generate"];
    assert_eq!(
        (&generate["id"], &generate["cause"], &generate["sender"]["pid"]),
        (&json!(42), &json!("call"), &json!(900))
    );
    assert_eq!((generate.get("event"), generate.get("seq")), (None, None));
}

#[test]
fn a_death_whose_signal_was_not_seen_has_null_for_it() {
    let event = death(None);
    assert_eq!((&event["generate"], &event["request"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_signal_that_killed_nobody_is_an_event_as_any_that_is_sent() {
    let record = tests_of_generate::terminate();
    let generate = decode::generate(&tests_of_generate::bytes_of(&record), CLOCK).unwrap();
    let lines = [
        Event::Effect(Sent { generate: &generate, ends: None, memory_group: None }),
        Event::Generate(&generate, None),
    ]
    .map(|event| {
        let mut buffer = Vec::new();
        Json::new(Sets::Names).write(event, &mut buffer).unwrap();
        buffer
    });
    assert_eq!(lines[0], lines[1]);
}
