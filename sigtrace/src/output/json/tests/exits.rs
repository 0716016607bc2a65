//! Processes that a signal ended.

use super::*;
use crate::{
    decode::{Exit, tests_of_exit::segfault},
    output::Stats,
};

fn exit(record: &[u8]) -> String {
    let exit = decode::exit(record, CLOCK).unwrap();
    let exit = Exit { id: 44, seq: 20, generate: exit.key.map(|_| 42), ..exit };
    let mut buffer = Vec::new();
    Json::new(Sets::Names).write(Event::Exit(&exit, None), &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    assert_valid(&line);
    line
}

#[test]
fn the_end_of_a_process_has_a_line() {
    let expected = concat!(
        r#"{"event":"exit","id":44,"time":"2026-11-21T19:53:08.123456789Z","seq":20,"cpu":3,"#,
        r#""generate":42,"reason":"signal","sig":"SIGSEGV","signo":11,"core_dumped":true,"#,
        r#""process":{"pid":812,"start":"2026-11-21T19:53:07.523456789Z","comm":"nginx","ppid":1,"#,
        r#""uid":33,"gid":34}}"#,
        "\n"
    );
    assert_eq!(exit(&segfault(&[])), expected);
    let status = std::mem::offset_of!(sigtrace_common::Exit, status);
    let expected = expected.replace(
        r#""SIGSEGV","signo":11,"core_dumped":true"#,
        r#""SIGKILL","signo":9,"core_dumped":false"#,
    );
    assert_eq!(exit(&segfault(&[(status, &9_u32.to_ne_bytes())])), expected);
}

#[test]
fn a_process_that_a_filter_ended_tells_what_was_refused() {
    use sigtrace_common::{Abi, ending};
    use std::mem::offset_of;
    let ending = (ending::BY_NO_SIGNAL | ending::SECCOMP).to_ne_bytes();
    let line = exit(&segfault(&[
        (offset_of!(sigtrace_common::Exit, status), &[31]),
        (offset_of!(sigtrace_common::Exit, ending), &ending),
        (offset_of!(sigtrace_common::Exit, fatal_ns), &[0; 8]),
        (offset_of!(sigtrace_common::Exit, number), &83_u32.to_ne_bytes()),
        (offset_of!(sigtrace_common::Exit, abi), &[Abi::X86_64 as u8]),
    ]));
    let expected = concat!(
        r#""generate":null,"reason":"seccomp","#,
        r#""refused_call":{"syscall":83,"arch":"AUDIT_ARCH_X86_64","syscall_name":"mkdir"},"#,
        r#""sig":"SIGSYS","signo":31"#
    );
    assert!(line.contains(expected), "{line}");
}

#[test]
fn a_process_cannot_forge_an_event_with_its_name() {
    let comm = std::mem::offset_of!(sigtrace_common::Exit, comm);
    let line = exit(&segfault(&[(comm, b"a\"}\n{\x1b[2J\0\0\0\0\0\0\0")]));
    assert!(line.contains(r#""comm":"a\"}\n{\u001b[2J","#), "{line}");
}

#[test]
fn stats_have_the_kinds_that_are_chosen() {
    let exits = vec![("printed", 3), ("filtered", 2), ("lost", 1)];
    let stats = Stats { events: vec![("exit", exits)], ..Stats::default() };
    let mut buffer = Vec::new();
    Json::new(Sets::Names).write(Event::Stats(&stats), &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    let expected =
        r#""returns":{},"events":{"exit":{"printed":3,"filtered":2,"lost":1}},"probes":{}}"#;
    assert!(line.ends_with(&format!("{expected}\n")), "{line}");
}
