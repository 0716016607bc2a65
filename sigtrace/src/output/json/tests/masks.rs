//! What calls do to the mask.

use std::mem::offset_of;

use sigtrace_common::{Abi, Record, State};

use super::*;

const ARGS: &str = r#"{"how":"SIG_BLOCK","set":["SIGHUP","SIGINT"],"oldset":null,"sigsetsize":8}"#;

fn block() -> Sample {
    Sample::of("rt_sigprocmask", &[0, 0x7ffe_1000, 0, 8]).points_to(1, &longs(&[3]))
}

/// The line of a call that says this of the mask.
fn with_masks(line: &str, blocked: &str, unblocked: &str) -> String {
    line.replace(
        r#""mask_blocked":null,"mask_unblocked":null"#,
        &format!(r#""mask_blocked":{blocked},"mask_unblocked":{unblocked}"#),
    )
}

#[test]
fn a_call_tells_what_it_blocked_and_unblocked_by_the_masks_before_and_after() {
    let plain = expected("rt_sigprocmask", "x86_64", ARGS, "0", "null");
    for (before, after, blocked, unblocked) in [
        (0, 3, r#"["SIGHUP","SIGINT"]"#, "[]"),
        (1, 3, r#"["SIGINT"]"#, "[]"),
        (3, 3, "[]", "[]"),
        (1 << 63 | 4, 1 << 62, r#"["SIGRTMIN+29"]"#, r#"["SIGQUIT","SIGRTMIN+30"]"#),
    ] {
        assert_eq!(line(&block().masks(before, after)), with_masks(&plain, blocked, unblocked));
    }
    let failed = expected("rt_sigprocmask", "x86_64", ARGS, "-14", r#""EFAULT""#);
    assert_eq!(line(&block().masks(0, 1).ret(-14)), with_masks(&failed, r#"["SIGHUP"]"#, "[]"));
}

#[test]
fn the_mask_before_is_the_old_set() {
    let sample = Sample::of("rt_sigprocmask", &[2, 0x7ffe_1000, 0x7ffe_2000, 8])
        .points_to(1, &longs(&[0]))
        .points_to(2, &longs(&[2]));
    let masks = sample.masks(2, 0);
    let args = r#"{"how":"SIG_SETMASK","set":[],"oldset":["SIGINT"],"sigsetsize":8}"#;
    let plain = expected("rt_sigprocmask", "x86_64", args, "0", "null");
    assert_eq!(line(&masks), with_masks(&plain, "[]", r#"["SIGINT"]"#));
}

#[test]
fn calls_of_32_bit_programs_tell_of_all_64_signals() {
    for (name, args, shown, ret) in [
        ("ssetmask", &[4][..], r#"{"newmask":["SIGQUIT"],"oldmask":[]}"#, "0"),
        ("sigreturn", &[], r#"{"mask":{"address":"0x5"}}"#, "null"),
    ] {
        let sample = Sample::of(name, args).abi(Abi::I386).masks(1 << 33, 4);
        let sample = if args.is_empty() {
            sample.with(offset_of!(Record, args), &5_u64.to_ne_bytes())
        } else {
            sample
        };
        let plain = expected(name, "i386", shown, ret, "null");
        let masks = with_masks(&plain, r#"["SIGQUIT"]"#, r#"["SIGRTMIN"]"#);
        assert_eq!(line(&sample), masks);
    }
}

#[test]
fn nothing_is_known_of_the_mask_after_a_call_that_was_not_seen_to_return() {
    for (state, how) in [(State::Missed, "missed"), (State::Entered, "unfinished")] {
        let plain = expected("rt_sigprocmask", "x86_64", ARGS, "null", "null");
        let plain = plain.replace(r#""duration_ns":812"#, r#""duration_ns":null"#);
        let ends = format!(r#""mask_unblocked":null,"return":"{how}"}}"#);
        assert_eq!(
            line(&block().masks(0, 3).state(state)),
            plain.replace(r#""mask_unblocked":null}"#, &ends)
        );
    }
}

#[test]
fn masks_can_be_numbers() {
    let line = line_with(Sets::Mask, &block().masks(0, 3));
    let masks = r#""mask_blocked":"0x0000000000000003","mask_unblocked":"0x0000000000000000"}"#;
    assert!(line.ends_with(&format!("{masks}\n")), "{line}");
}
