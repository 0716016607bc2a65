//! What takes room in the ring, and what does not.

use std::process::Stdio;

use sigtrace_tests::harness::{Account, Flood, Streaming, Test};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_call_that_is_filtered_out_takes_no_room_in_the_ring,
    calls_that_find_no_room_are_counted,
];

/// Has a sigtrace with the smallest ring stand still while so many calls are made, and returns its
/// books.
fn books(args: &[&str], calls: u64) -> Account {
    let args = [&["-s", "tkill", "--ring-size", "4096"], args].concat();
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
    // A record takes more than 64 bytes of the 4096.
    assert!(printed > 0 && printed < 64, "{printed} were printed");
    assert_eq!((printed + lost, filtered), (calls / 2, calls / 2));
    assert_eq!((output, ring_full), (0, lost));
}
