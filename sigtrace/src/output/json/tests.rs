//! Whole lines, one test a syscall and more where it can go more than one way.

mod callers;
mod calls;
mod deaths;
mod delivers;
mod exits;
mod generates;
mod i386;
mod masks;
mod namespaces;
mod processes;
mod properties;
mod returns;
mod siginfo;
mod signalfd;
mod taken;

use super::Json;
use crate::{
    decode::{self, WallClock, sample::Sample},
    output::{Event, Format, Sets},
    schema::tests::assert_valid,
};

/// Puts a sample's entry at 2026-11-21T19:53:08.123456789Z.
const CLOCK: WallClock = WallClock { offset_ns: 1_795_290_787_123_456_788 };

/// The line of a sample.
fn line(sample: &Sample) -> String {
    line_with(Sets::Names, sample)
}

/// The line of a sample, with signal sets written like this. It fits the schema.
fn line_with(sets: Sets, sample: &Sample) -> String {
    let mut call = decode::call(sample.bytes(), CLOCK).unwrap();
    (call.id, call.seq) = (41, 17);
    let mut buffer = Vec::new();
    Json::new(sets).write(Event::Call(&call, None), &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    assert_valid(&line);
    line
}

/// The line of a call by the samples' caller, with these values of `args`, `ret` and `error`.
fn expected(syscall: &str, abi: &str, args: &str, ret: &str, error: &str) -> String {
    let caller = r#""pid":812,"tid":815,"ppid":1,"uid":33,"gid":34,"comm":"nginx","cgroup":4321"#;
    let changes_mask = sigtrace_common::find(syscall).is_some_and(|(_, row)| row.changes_mask());
    let masks = if changes_mask { r#","mask_blocked":null,"mask_unblocked":null"# } else { "" };
    let changed = if is_action(syscall) { r#","changed":null"# } else { "" };
    format!(
        r#"{{"event":"syscall","id":41,"time":"2026-11-21T19:53:08.123456789Z","seq":17,"cpu":3,"syscall":"{syscall}","abi":"{abi}",{caller},"args":{args},"ret":{ret},"error":{error},"duration_ns":812{masks}{changed}}}"#
    ) + "\n"
}

/// Whether the call is there to change what a signal does.
fn is_action(syscall: &str) -> bool {
    matches!(syscall, "rt_sigaction" | "sigaction")
}

/// Likewise, of one that returned 0 and changed this.
fn expected_change(syscall: &str, abi: &str, args: &str, changed: &str) -> String {
    let line = expected(syscall, abi, args, "0", "null");
    line.replace(r#""changed":null"#, &format!(r#""changed":{changed}"#))
}

/// Asserts the `args` of a call that returned 0.
#[track_caller]
fn assert_args(sample: &Sample, syscall: &str, args: &str) {
    assert_eq!(line(sample), expected(syscall, "x86_64", args, "0", "null"));
}

/// A structure out of longs.
fn longs(longs: &[u64]) -> Vec<u8> {
    longs.iter().flat_map(|long| long.to_ne_bytes()).collect()
}

/// A structure out of ints.
fn ints(ints: &[i32]) -> Vec<u8> {
    ints.iter().flat_map(|int| int.to_ne_bytes()).collect()
}

/// The set of these signals.
fn set(signals: &[i32]) -> u64 {
    signals.iter().fold(0, |set, signo| set | 1 << (signo - 1))
}
