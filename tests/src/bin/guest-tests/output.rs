//! What is written where, and when sigtrace stops by itself.

use std::fs;
use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sigtrace_tests::harness::{Flood, Puppet, Streaming, Test, Trace, Tracer, sigtrace, temporary};
use sigtrace_tests::integer;
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::tests;

use crate::scene::{assert_same, calls_by};

/// All of them.
pub const TESTS: &[Test] = tests![
    json_goes_to_a_pipe,
    an_output_file_is_emptied_first,
    an_output_file_is_appended_to_if_asked_for,
    it_stops_after_as_many_events_as_asked_for,
    it_stops_after_the_time_asked_for,
    stats_come_at_the_end_and_every_so_often,
    quiet_means_that_nothing_is_said,
    where_nothing_is_selected_the_option_that_left_out_the_most_is_named,
    more_is_said_if_asked_for,
];

const CALL: &str = "tkill 2147483634 15";

/// Runs sigtrace into a pipe while a puppet makes a call; what it wrote.
fn piped(args: &[&str]) -> (Puppet, Value, String, Trace) {
    let mut puppet = Puppet::start();
    let mut sigtrace = Streaming::start(args, Stdio::piped());
    let mut stdout = sigtrace.stdout();
    let event = puppet.call(CALL);
    sigtrace.signal(libc::SIGINT);
    let mut text = String::new();
    let read = stdout.read_to_string(&mut text);
    assert!(read.is_ok(), "{read:?}");
    let started = sigtrace.started();
    let (status, stderr) = sigtrace.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    let trace = Streaming::trace(&started, &text, status, stderr);
    (puppet, event, text, trace)
}

fn json_goes_to_a_pipe() {
    let (puppet, event, text, trace) = piped(&["-s", "tkill"]);
    assert_same("the pipe", &[&event], &calls_by(&trace, &[puppet.pid()]));
    assert_eq!(text.lines().count(), 1);
    assert_eq!(trace.stderr, "sigtrace: 1 event, 0 calls filtered out, 0 lost\n");
}

fn an_output_file_is_emptied_first() {
    let path = temporary("output");
    let output = path.to_string_lossy();
    let write = |text| {
        let written = fs::write(&path, text);
        assert!(written.is_ok(), "{written:?}");
    };
    write("something from before\n".repeat(1000));
    let sigtrace = Streaming::start(&["-s", "tkill", "-o", &output], Stdio::piped());
    Flood::run(1, 3);
    sigtrace.signal(libc::SIGTERM);
    let (started, (status, stderr)) = (sigtrace.started(), sigtrace.end());
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
    let _ = fs::remove_file(&path);
    assert!(text.ends_with("}\n"), "{text}");
    let trace = Streaming::trace(&started, &text, status, stderr);
    let signals: Vec<&Value> = trace.calls().map(|call| &call["args"]["signo"]).collect();
    assert_eq!(signals, [0, 15, 0]);
}

fn an_output_file_is_appended_to_if_asked_for() {
    let path = temporary("output");
    let output = path.to_string_lossy();
    let written = fs::write(&path, "something from before\n");
    assert!(written.is_ok(), "{written:?}");
    let sigtrace = Streaming::start(&["-s", "tkill", "-A", "-o", &output], Stdio::piped());
    Flood::run(1, 3);
    sigtrace.signal(libc::SIGTERM);
    let (started, (status, stderr)) = (sigtrace.started(), sigtrace.end());
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
    let _ = fs::remove_file(&path);
    let added = text.strip_prefix("something from before\n").unwrap_or_else(|| panic!("{text}"));
    let trace = Streaming::trace(&started, added, status, stderr);
    let signals: Vec<&Value> = trace.calls().map(|call| &call["args"]["signo"]).collect();
    assert_eq!(signals, [0, 15, 0]);
}

fn it_stops_after_as_many_events_as_asked_for() {
    for count in [1, 1000] {
        let tracer = Tracer::start(&["-s", "tkill", "--stats", "-n", &count.to_string()]);
        // Many more than it takes.
        Flood::run(2, 3000);
        let trace = tracer.end();
        assert_eq!(trace.status.code(), Some(0));
        assert_eq!(trace.calls().count(), count);
        let stats = trace.stats();
        // One record, without an interval.
        assert_eq!(trace.events.len(), count + 1);
        assert_eq!((stats.printed(), stats.lost()), (count as u64, 0));
        // The others came before it had stopped, or after.
        assert!(stats.filtered() <= 6000 - count as u64, "{stats:?}");
    }
}

fn it_stops_after_the_time_asked_for() {
    let before = Instant::now();
    let tracer = Tracer::start(&["-s", "tkill", "--stats", "--duration", "300ms"]);
    let trace = tracer.end();
    assert_eq!(trace.status.code(), Some(0));
    assert!(before.elapsed() >= Duration::from_millis(300));
    let elapsed = integer::read::<u64>(&trace.stats().0["elapsed_ns"]);
    assert!(elapsed >= Some(300_000_000), "{elapsed:?}");
    assert_eq!(trace.calls().count(), 0);
}

fn stats_come_at_the_end_and_every_so_often() {
    let tracer = Tracer::start(&["-s", "tkill,tgkill", "--stats", "200ms", "--signal", "TERM"]);
    tracer.wait_for_line(r#""event":"stats""#);
    let made = Flood::run(1, 10);
    tracer.wait_for_line(r#""printed":{"tkill":5,"tgkill":0},"filtered":5,"#);
    let trace = tracer.finish();
    let stats: Vec<&Value> =
        trace.events.iter().filter(|event| event["event"] == "stats").collect();
    assert!(stats.len() >= 3, "{stats:?}");
    let counts = |key: &str| -> Vec<u64> {
        stats
            .iter()
            .filter_map(|stats| match key {
                "printed" => integer::read(&stats[key]["tkill"]),
                _ => integer::read(&stats[key]),
            })
            .collect()
    };
    for key in ["elapsed_ns", "printed", "filtered"] {
        let counts = counts(key);
        assert_eq!(counts.len(), stats.len());
        assert!(counts.is_sorted(), "{key}: {counts:?}");
    }
    let elapsed = counts("elapsed_ns");
    assert!(elapsed[0] >= 200_000_000 && elapsed[1] >= 400_000_000, "{elapsed:?}");
    assert_eq!((counts("printed")[0], counts("filtered")[0]), (0, 0));
    assert_eq!(trace.stats().calls(), made);
    let by = |name| Kernel::running().probe(name);
    let expected = json!({"tkill": by("tkill"), "tgkill": by("tgkill")});
    assert_eq!(trace.stats().0["probes"], expected);
    assert_eq!(trace.events.last(), stats.last().copied());
}

fn where_nothing_is_selected_the_option_that_left_out_the_most_is_named() {
    // By who calls, by what is called with, and by how it ended.
    for (args, named) in [
        (&["--uid", "4242"][..], "--uid"),
        (&["--signal", "HUP"], "--signal"),
        (&["--error", "EPERM"], "--error"),
    ] {
        let mut puppet = Puppet::start();
        let tracer = Tracer::start(&[&["-s", "tkill"], args].concat());
        puppet.call(CALL);
        let trace = tracer.finish();
        let said = "sigtrace: 0 events, 1 call filtered out, 0 lost\n".to_owned();
        let said =
            said + &format!("sigtrace: nothing was selected: {named} left out 1 of 1 call\n");
        assert_eq!(trace.stderr, said);
    }
}

fn quiet_means_that_nothing_is_said() {
    // No note either.
    let (.., trace) = piped(&["-s", "tkill", "-q", "--stats", "--ring-size", "5000"]);
    assert_eq!((trace.stderr.as_str(), trace.stats().printed()), ("", 1));
}

fn more_is_said_if_asked_for() {
    let levels = |args: &[&str]| {
        let (.., trace) = piped(&[&["-s", "tkill", "--ring-size", "5000"], args].concat());
        let has = |level: &str| trace.stderr.contains(&format!("sigtrace: {level}: "));
        assert!(!trace.stderr.contains('\u{1b}'), "{:?}", trace.stderr);
        [has("warning"), has("info"), has("debug")]
    };
    assert_eq!(levels(&["-v"]), [true, true, false]);
    assert_eq!(levels(&["--log-level", "error"]), [false, false, false]);
    // None of it is mixed into the stream: every line of that has been checked.
    let ended = sigtrace(&["-q", "-v"]);
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("'--quiet' cannot be used with '--verbose"), "{}", ended.stderr);
}
