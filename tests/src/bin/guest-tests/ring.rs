//! What takes room in the ring, and what does not.

use std::process::Stdio;

use serde_json::{Value, json};
use sigtrace_tests::harness::{Account, Background, Flood, Streaming, Test, Tracer};
use sigtrace_tests::integer;
use sigtrace_tests::kernel::page_size;
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_call_that_is_filtered_out_takes_no_room_in_the_ring,
    calls_that_find_no_room_are_counted,
    a_late_return_that_finds_no_room_is_counted_and_told_of,
];

/// Has a sigtrace with the smallest ring stand still while so many calls are made, and returns its
/// books.
fn books(args: &[&str], calls: u64) -> Account {
    let args = [&["-s", "tkill", "--ring-size", "4096", "--no-shares"], args].concat();
    let sigtrace = Streaming::start(&args, Stdio::null());
    sigtrace.freeze();
    Flood::run(1, calls);
    sigtrace.signal(libc::SIGCONT);
    sigtrace.signal(libc::SIGINT);
    let (status, stderr) = sigtrace.end();
    assert!(status.success(), "{status}: {stderr}");
    Account::told(&stderr)
}

fn a_call_that_is_filtered_out_takes_no_room_in_the_ring() {
    let calls = 2000;
    // One for each place a filter decides at: the caller, the numbers, whom it reaches, the
    // outcome.
    let cases: [&[&str]; 4] = [
        &["--comm", "nobody", "--uid", "4242"],
        &["--signal", "USR1"],
        &["--target", "1"],
        &["--error", "EPERM", "--min-duration", "1000s"],
    ];
    for args in cases {
        let expected = Account { printed: 0, filtered: calls, lost: 0, output: 0, ring_full: 0 };
        assert_eq!(books(args, calls), expected, "{args:?}");
    }
}

fn calls_that_find_no_room_are_counted() {
    let calls = 2000;
    let Account { printed, filtered, lost, output, ring_full } = books(&["--no-probe"], calls);
    // A record takes more than 64 bytes of a page, which is the least that a ring has.
    let room = page_size() as u64 / 64;
    assert!(printed > 0 && printed < room, "{printed} were printed");
    assert_eq!((printed + lost, filtered), (calls / 2, calls / 2));
    assert_eq!((output, ring_full), (0, lost));
}

fn a_late_return_that_finds_no_room_is_counted_and_told_of() {
    let selected = ["-s", "tkill,rt_sigsuspend", "--ring-size", "4096", "--no-shares"];
    let late = ["--unfinished-after", "100ms", "--stats"];
    let tracer = Tracer::start(&[&selected[..], &late].concat());
    let waiting = Background::start("endless", &["rt_sigsuspend"]);
    tracer.wait_for_line(r#""return":"unfinished""#);
    tracer.freeze();
    let calls = Flood::run(1, 2000);
    waiting.kill();
    tracer.signal(libc::SIGCONT);
    let trace = tracer.finish();
    let paused: Vec<_> =
        trace.calls_of("rt_sigsuspend").map(|call| (&call["ret"], &call["return"])).collect();
    assert_eq!(paused, [(&Value::Null, &json!("unfinished"))]);
    let stats = trace.stats();
    assert_eq!(stats.0["returns"], json!({ "printed": 0, "lost": 1 }));
    assert_eq!((stats.calls(), stats.printed_of("rt_sigsuspend")), (calls + 1, 1), "{}", stats.0);
    let lost = trace.events.iter().filter(|event| event["event"] == "lost");
    assert_eq!(lost.filter_map(|event| integer::read::<u64>(&event["returns"])).sum::<u64>(), 1);
    let returns: Vec<&Value> = trace.events.iter().filter(|e| e["event"] == "return").collect();
    assert_eq!(returns, Vec::<&Value>::new());
    assert!(trace.stderr.contains(", and 1 late return\n"), "{}", trace.stderr);
}
