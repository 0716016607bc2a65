//! A limit on the bytes that are written each second.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sigtrace_tests::harness::{
    Background, Flood, Streaming, Test, Trace, Tracer, temporary, until,
};
use sigtrace_tests::integer;
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_flood_gets_the_limit_and_one_burst_and_the_rest_is_counted,
    what_is_lost_is_told_of_however_low_the_limit_is,
    a_late_return_beyond_the_limit_is_counted_and_told_of,
    a_limit_that_is_not_reached_costs_nothing,
];

/// Bytes a second, and what can be written at once.
const LIMIT: u64 = 2048;
const BURST: u64 = 30 * LIMIT;
/// How long the flood is watched once it has had its burst …
const WATCHED: Duration = Duration::from_secs(6);
/// … and for how long on either side a busy machine may not let sigtrace run.
const DELAY: Duration = Duration::from_millis(1500);

fn a_flood_gets_the_limit_and_one_burst_and_the_rest_is_counted() {
    let path = temporary("limited");
    let output = path.to_string_lossy();
    let args = ["-s", "tkill", "--no-check", "--stats", "--max-output-rate", "2K", "-o", &output];
    let begun = Instant::now();
    let sigtrace = Streaming::start(&args, Stdio::null());
    let mut flood = Flood::with_pauses(1, 0, 200);
    flood.begin();
    until("the burst to be over", || text(&path).contains(r#""event":"lost""#).then_some(()));
    let (before, since) = (calls(&text(&path)), Instant::now());
    sleep(WATCHED);
    let (after, watched) = (calls(&text(&path)), since.elapsed());
    let made = flood.end();
    sigtrace.signal(libc::SIGTERM);
    let started = sigtrace.started();
    let (status, stderr) = sigtrace.end();
    let (text, took) = (text(&path), begun.elapsed());
    let _ = fs::remove_file(&path);
    let trace = Streaming::trace(&started, &text, status, stderr);

    let printed = assert_all_else_is_over_the_limit(&trace, made);
    let line = calls(&text) / printed;
    let at_limit = |time: Duration| LIMIT * time.as_millis() as u64 / 1000;
    assert!(made * line > 2 * (BURST + at_limit(took)), "{made} calls are no flood");
    // The last line may be beyond the limit.
    let most = BURST + at_limit(took) + 2 * line;
    assert!((BURST..=most).contains(&calls(&text)), "{} of {most} bytes", calls(&text));
    let (least, most) = (at_limit(watched - DELAY), at_limit(watched + DELAY));
    assert!((least..=most).contains(&(after - before)), "{} in {watched:?}", after - before);
}

fn what_is_lost_is_told_of_however_low_the_limit_is() {
    let args = ["-s", "tkill", "--no-check", "--max-output-rate", "1"];
    let text = [&args[..], &["--format", "text"]].concat();
    let path = temporary("text");
    let output = path.to_string_lossy();
    let beside = Streaming::start(&[&text[..], &["-o", &output]].concat(), Stdio::null());
    let tracer = Tracer::start(&["-s", "tkill", "--stats", "--max-output-rate", "1"]);
    let made = Flood::run(1, 200);
    let trace = tracer.finish();
    assert_eq!(assert_all_else_is_over_the_limit(&trace, made), 1);
    beside.signal(libc::SIGINT);
    let (_, stderr) = beside.end();
    let said = format!("1 event, 0 calls filtered out, {0} lost, rate_limited {0}\n", made - 1);
    assert_eq!(
        [&*stderr, &trace.stderr],
        [format!("sigtrace: {said}"), format!("sigtrace: {said}")]
    );
    let text = self::text(&path);
    let _ = fs::remove_file(&path);
    let (lost, events): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.contains(", rate_limited "));
    assert!(events.len() == 1 && events[0].contains(" tkill("), "{events:?}");
    let count = |line: &&str| {
        let (_, rest) = line.split_once(", rate_limited ")?;
        rest.split(';').next()?.parse::<u64>().ok()
    };
    let counts = lost.iter().filter_map(count);
    assert_eq!(counts.sum::<u64>(), made - 1, "{lost:?}");
}

fn a_late_return_beyond_the_limit_is_counted_and_told_of() {
    let selected = ["-s", "tkill,rt_sigsuspend", "--max-output-rate", "1"];
    let late = ["--unfinished-after", "100ms", "--stats"];
    let tracer = Tracer::start(&[&selected[..], &late].concat());
    let waiting = Background::start("endless", &["rt_sigsuspend"]);
    tracer.wait_for_line(r#""return":"unfinished""#);
    let calls = Flood::run(1, 10);
    waiting.kill();
    let trace = tracer.finish();
    let paused: Vec<_> = trace.calls().map(|call| (&call["syscall"], &call["return"])).collect();
    assert_eq!(paused, [(&json!("rt_sigsuspend"), &json!("unfinished"))]);
    let stats = trace.stats();
    assert_eq!(stats.0["returns"], json!({ "printed": 0, "lost": 1 }));
    assert_eq!((stats.calls(), stats.0["lost"]["rate_limited"].clone()), (calls + 1, json!(calls)));
    let lost = trace.events.iter().filter(|event| event["event"] == "lost");
    assert_eq!(lost.filter_map(|event| integer::read::<u64>(&event["returns"])).sum::<u64>(), 1);
    assert!(trace.stderr.contains(", and 1 late return\n"), "{}", trace.stderr);
}

fn a_limit_that_is_not_reached_costs_nothing() {
    // The last one counts: the unit has one before those that are in a file.
    let args = ["-s", "tkill", "--stats", "--max-output-rate", "1", "--max-output-rate", "1M"];
    let tracer = Tracer::start(&args);
    let made = Flood::run(1, 1000);
    let trace = tracer.finish();
    assert_eq!((trace.calls().count() as u64, trace.stats().lost()), (made, 0));
}

/// Holds the books against the lines: what was made is printed, or lost to the limit and told of. Returns
/// how many calls were printed.
#[track_caller]
fn assert_all_else_is_over_the_limit(trace: &Trace, made: u64) -> u64 {
    let (printed, stats) = (trace.calls().count() as u64, trace.stats());
    // That these are all causes is checked of every line.
    let causes = stats.0["lost"].as_object().into_iter().flat_map(|lost| lost.keys());
    let of = |cause: &str| if cause == "rate_limited" { made - printed } else { 0 };
    let lost: serde_json::Map<String, Value> =
        causes.map(|cause| (cause.clone(), json!(of(cause)))).collect();
    assert!(lost.contains_key("rate_limited"), "{}", stats.0);
    assert_eq!((stats.printed(), stats.filtered()), (printed, 0));
    assert_eq!(stats.0["lost"], Value::from(lost.clone()));
    assert_eq!(trace.lost().into_iter().collect::<Vec<_>>(), lost.into_iter().collect::<Vec<_>>());
    printed
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The bytes of the complete lines of calls.
fn calls(text: &str) -> u64 {
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let calls = lines.filter(|line| line.starts_with(r#"{"event":"syscall""#));
    calls.map(|line| line.len() as u64).sum()
}
