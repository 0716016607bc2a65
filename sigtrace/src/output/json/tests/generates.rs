//! Signals that are sent.

use sigtrace_common::{NO_CALL, fact};

use super::*;
use crate::decode::tests_of_generate::{bytes_of, terminate, words};

fn generate(record: &sigtrace_common::Generate) -> String {
    let mut generate = decode::generate(&bytes_of(record), CLOCK).unwrap();
    (generate.id, generate.seq) = (42, 18);
    generate.request = generate.call_key.map(|_| 41);
    generate.merged_into = generate.merged_key.map(|_| 40);
    let mut buffer = Vec::new();
    Json::new(Sets::Names).write(Event::Generate(&generate, None), &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    assert_valid(&line);
    line
}

fn parsed(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_signal_that_is_sent_has_a_line() {
    let expected = concat!(
        r#"{"event":"generate","id":42,"time":"2026-11-21T19:53:08.123456789Z","seq":18,"cpu":3,"#,
        r#""request":41,"sig":"SIGTERM","signo":15,"#,
        r#""info":{"sig":"SIGTERM","signo":15,"code":"SI_USER","errno":0,"pid":900,"uid":1000},"#,
        r#""directed":"process","outcome":"delivered","fatal":false,"cause":"call","#,
        r#""cause_certain":true,"call":"kill","#,
        r#""sender":{"pid":900,"tid":901,"start":"2026-11-21T19:53:07.623456789Z","comm":"sh","#,
        r#""ppid":899,"uid":1000,"gid":1001},"forged":false,"#,
        r#""target":{"pid":812,"tid":812,"start":"2026-11-21T19:53:07.523456789Z","comm":"nginx","#,
        r#""ppid":1,"uid":33,"gid":34},"#,
        r#""target_state":{"blocked":false,"awaited":false,"ignored":false,"#,
        r#""handler":"0x55aa00001000","namespace_init":false,"stopped":false,"traced":false,"#,
        r#""kernel_thread":false},"merged_into":null}"#,
        "\n"
    );
    assert_eq!(generate(&terminate()), expected);
}

#[test]
fn what_the_kernel_sends_has_a_cause_and_no_sender() {
    let record = sigtrace_common::Generate {
        facts: fact::PRIV | fact::PROCESS | fact::OUT_OF_MEMORY | fact::FATAL,
        signal: 9,
        handler: 0,
        memory: [4321, 5120],
        number: NO_CALL,
        ..terminate()
    };
    let event = parsed(&generate(&record));
    assert_eq!(
        [&event["request"], &event["call"], &event["sender"]],
        [&serde_json::Value::Null; 3]
    );
    let limit = 5120
        * crate::decode::generate(&bytes_of(&record), CLOCK).unwrap().memory.unwrap().page_size;
    assert_eq!(event["memory"], serde_json::json!({ "cgroup": 4321, "limit": limit }));
    assert_eq!(
        (&event["cause"], &event["cause_certain"], &event["fatal"]),
        (&"oom".into(), &true.into(), &true.into())
    );
    let machine = sigtrace_common::Generate { memory: [0; 2], ..record };
    let memory = &parsed(&generate(&machine))["memory"];
    assert_eq!(*memory, serde_json::json!({ "cgroup": null, "limit": null }));
}

#[test]
fn what_is_not_known_is_null_and_what_is_true_of_the_target_is_said() {
    let record = sigtrace_common::Generate {
        facts: fact::NOINFO
            | fact::IN_NAMESPACE
            | fact::BLOCKED
            | fact::AWAITED
            | fact::UNKILLABLE
            | fact::STOPPED
            | fact::TRACED
            | fact::TO_KERNEL_THREAD,
        signal: 17,
        handler: 0,
        outcome: 4,
        ..terminate()
    };
    let event = parsed(&generate(&record));
    assert_eq!((&event["info"], &event["directed"]), (&serde_json::Value::Null, &"thread".into()));
    assert_eq!((&event["outcome"], &event["cause"]), (&"info_lost".into(), &"kernel".into()));
    assert_eq!(
        event["target_state"],
        serde_json::json!({ "blocked": true, "awaited": true, "ignored": true, "handler": "SIG_DFL",
            "namespace_init": true, "stopped": true, "traced": true, "kernel_thread": true })
    );
}

#[test]
fn a_signal_that_is_merged_says_into_which() {
    let record = sigtrace_common::Generate { outcome: 2, merged_ns: 900_000_000, ..terminate() };
    let event = parsed(&generate(&record));
    assert_eq!((&event["outcome"], &event["merged_into"]), (&"already_pending".into(), &40.into()));
}

#[test]
fn a_child_is_told_of_as_one_whatever_its_signal_is() {
    let record = sigtrace_common::Generate {
        facts: fact::PROCESS | fact::OWN | fact::EXITING | fact::CHILD,
        signal: 10,
        info: words(&[(0, 10), (8, 1), (16, 900), (20, 1000), (24, 3)]),
        ..terminate()
    };
    let event = parsed(&generate(&record));
    assert_eq!(event["cause"], "child");
    assert_eq!(
        event["info"],
        serde_json::json!({ "sig": "SIGUSR1", "signo": 10, "code": "CLD_EXITED", "errno": 0,
            "pid": 900, "uid": 1000, "status": 3, "utime": 0, "stime": 0 })
    );
}

#[test]
fn neither_name_can_forge_an_event() {
    let mut record = terminate();
    (record.target.comm, record.current.comm) =
        (*b"a\"}\n{\x1b[2J\0\0\0\0\0\0\0", *b"\x7f\\\"\0\0\0\0\0\0\0\0\0\0\0\0\0");
    record.info = words(&[(0, 15), (8, -1), (16, 900)]);
    let line = generate(&record);
    assert!(line.contains(r#""comm":"a\"}\n{\u001b[2J","#), "{line}");
    assert!(line.contains(r#""comm":"\u007f\\\"","#), "{line}");
}
