//! Probes that fall silent.

use std::fs;

use serde_json::{Value, json};
use sigtrace_tests::harness::{Test, Told, Tracer, until};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![probes_that_are_switched_off_are_noticed_and_so_is_their_return];

const DEBUGFS: &std::ffi::CStr = c"/sys/kernel/debug";
const ENABLED: &str = "/sys/kernel/debug/kprobes/enabled";

fn probes_that_are_switched_off_are_noticed_and_so_is_their_return() {
    if !fs::exists(ENABLED).unwrap_or_default() {
        let kind = c"debugfs".as_ptr();
        // SAFETY: strings that end.
        let done = unsafe { libc::mount(kind, DEBUGFS.as_ptr(), kind, 0, std::ptr::null()) };
        assert_eq!(done, 0, "mounting {DEBUGFS:?}: {}", std::io::Error::last_os_error());
    }
    let tracer = Tracer::start_checking(&["-s", "kill,tgkill", "--probe", "kprobe"]);
    let mut told = tracer.told();
    set("0");
    let began = nth(&mut told, 0);
    set("1");
    let ended = nth(&mut told, 1);
    let expected = json!({
        "event": "blind",
        "time": began["time"],
        "seq": began["seq"],
        "since": began["since"],
        "until": null,
        "syscalls": ["kill", "tgkill"],
        "reason": "kprobes are disabled",
    });
    assert_eq!(began, expected);
    let mut expected = expected;
    for key in ["time", "seq", "until"] {
        expected[key] = ended[key].clone();
    }
    assert_eq!(ended, expected);
    let times = [&began["since"], &began["time"], &ended["until"]].map(Value::as_str);
    assert!(times.is_sorted() && times[0].is_some(), "{times:?}");
    let trace = tracer.finish();
    assert!(
        trace.stderr.contains("warning: nothing is seen of kill, tgkill: kprobes are disabled")
            && trace.stderr.contains("warning: probes answer again: kill, tgkill"),
        "{}",
        trace.stderr
    );
}

fn set(enabled: &str) {
    let written = fs::write(ENABLED, enabled);
    assert!(written.is_ok(), "{ENABLED}: {written:?}");
}

/// The first event, or the second, that tells of a time in which nothing could be seen.
fn nth(told: &mut Told, n: usize) -> Value {
    until("an event that tells of it", || {
        told.events().iter().filter(|event| event["event"] == "blind").nth(n).cloned()
    })
}
