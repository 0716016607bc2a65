//! `--failed`, `--error`, `--min-duration`.

use serde_json::{Value, json};
use sigtrace_tests::harness::{Puppet, Test, Tracer};
use sigtrace_tests::integer;
use sigtrace_tests::tests;

use crate::scene::{assert_filters, assert_same, calls_by, filter};

/// All of them.
pub const TESTS: &[Test] =
    tests![calls_are_selected_by_how_they_failed, calls_are_selected_by_how_long_they_took];

const NOBODY: &str = "2147483634";

fn calls_are_selected_by_how_they_failed() {
    let (mut root, mut user) = (Puppet::start(), Puppet::start());
    user.order("user 33");
    let pid = root.pid();
    let with = |errors: &'static [&str]| {
        move |_: &str, call: &Value| errors.iter().any(|error| call["error"] == *error)
    };
    let filters = [
        filter("-s @send --failed", |_, call| call["error"] != json!(null)),
        filter("-s @send --error ESRCH,EINVAL", with(&["ESRCH", "EINVAL"])),
        // Of those that failed.
        filter("-s @send --error !ESRCH", with(&["EINVAL", "EPERM"])),
        filter("-s @send --error EPERM --failed -S 15", |_, call| {
            call["error"] == "EPERM" && call["args"]["signo"] == 15
        }),
    ];
    assert_filters(&filters, || {
        let mut acts = Vec::new();
        for order in [
            format!("kill {pid} 0"),
            format!("kill {NOBODY} 0"),
            format!("kill {NOBODY} 15"),
            format!("kill {pid} 65"),
            "tkill 0 0".to_owned(),
            format!("tgkill {pid} {pid} 28"),
            format!("rt_sigqueueinfo {NOBODY} 15"),
            format!("rt_sigqueueinfo {pid} 28"),
            "kill 1 0".into(),
        ] {
            acts.push(("", root.call(&order)));
            acts.push(("", user.call(&order)));
        }
        acts.push(("", user.call("kill 1 15")));
        acts
    });
}

/// Half a second is more than a call that does not wait can take, even where processors are scarce.
fn calls_are_selected_by_how_long_they_took() {
    let (mut puppet, mut other) = (Puppet::start(), Puppet::start());
    let tracers = [
        ("--min-duration=500ms", "--error=EAGAIN", 1),
        ("--min-duration=0.5", "--error=EINVAL", 0),
    ]
    .map(|(duration, error, kept)| {
        (Tracer::start(&["--stats", "-s", "rt_sigtimedwait,tkill", duration, error]), kept)
    });
    let quick = [puppet.call("rt_sigtimedwait 1 1000"), other.call(&format!("tkill {NOBODY} 0"))];
    let slow = puppet.call("rt_sigtimedwait 1 600000000");
    let made = quick.len() as u64 + 1;
    for (tracer, kept) in tracers {
        let trace = tracer.finish();
        let expected = [&slow];
        assert_same(
            "the slow call",
            &expected[..kept],
            &calls_by(&trace, &[puppet.pid(), other.pid()]),
        );
        let stats = trace.stats();
        let books = (stats.printed(), stats.filtered(), stats.lost());
        assert_eq!(books, (kept as u64, made - kept as u64, 0));
        let duration = trace.calls().next().map(|call| integer::read::<u64>(&call["duration_ns"]));
        assert!(duration.is_none_or(|took| took > Some(600_000_000)), "it took {duration:?}");
    }
}
