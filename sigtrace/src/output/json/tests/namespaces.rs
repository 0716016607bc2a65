//! Callers in a pid namespace of their own.

use super::*;

/// The line of a call by the samples' caller, as process 1 and thread 3 of its namespace.
fn expected_inside(syscall: &str, args: &str) -> String {
    let line = expected(syscall, "x86_64", args, "0", "null");
    line.replace(r#""tid":815,"#, r#""tid":815,"ns_pid":1,"ns_tid":3,"#)
}

#[test]
fn both_numbers_are_there_and_whom_the_caller_means() {
    assert_eq!(
        line(&Sample::of("kill", &[5, 15]).in_namespace(1, 3).target(4711)),
        expected_inside("kill", r#"{"pid":5,"sig":"SIGTERM","signo":15,"target":4711}"#)
    );
    assert_eq!(
        line(&Sample::of("tgkill", &[5, 6, 15]).in_namespace(1, 3).target(4712)),
        expected_inside("tgkill", r#"{"tgid":5,"tid":6,"sig":"SIGTERM","signo":15,"target":4712}"#)
    );
}

#[test]
fn a_group_is_negative() {
    assert_eq!(
        line(&Sample::of("kill", &[-5_i64 as u64, 15]).in_namespace(1, 3).target(-4711)),
        expected_inside("kill", r#"{"pid":-5,"sig":"SIGTERM","signo":15,"target":-4711}"#)
    );
}

#[test]
fn nobody_has_no_number() {
    assert_eq!(
        line(&Sample::of("kill", &[5, 15]).in_namespace(1, 3)),
        expected_inside("kill", r#"{"pid":5,"sig":"SIGTERM","signo":15,"target":null}"#)
    );
}

#[test]
fn a_call_that_is_aimed_at_nobody_has_no_target() {
    assert_eq!(line(&Sample::of("pause", &[]).in_namespace(1, 3)), expected_inside("pause", "{}"));
}
