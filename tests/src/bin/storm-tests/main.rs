//! A million calls on four processors, and what becomes of each.

use std::io::{self, BufRead as _, BufReader, PipeReader};
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::thread;

use serde_json::Value;
use sigtrace_tests::harness::{self, Flood, Streaming, Test};
use sigtrace_tests::tests;

/// All of them.
const TESTS: &[Test] =
    tests![a_million_calls_of_16_threads_add_up, calls_of_16_threads_seen_by_trampolines_add_up,];

const THREADS: u64 = 16;
/// What is promised, in kB.
const RESIDENT: u64 = 16 << 10;

fn main() -> ExitCode {
    harness::main(&[("storm", TESTS)])
}

fn a_million_calls_of_16_threads_add_up() {
    let books = storm(&[], 1_000_000);
    // What has no preemption cannot be skipped.
    assert_eq!(books.stats["lost"]["probe_missed"], 0, "{}", books.stats);
}

fn calls_of_16_threads_seen_by_trampolines_add_up() {
    storm(&["--probe", "fentry"], 200_000);
}

/// What the stream came to.
#[derive(Debug, Default)]
struct Books {
    events: u64,
    lost: u64,
    stats: Value,
}

/// Has so many calls made under sigtrace, and holds its books against what it printed and against
/// what was made.
fn storm(args: &[&str], calls: u64) -> Books {
    let (reader, writer) = io::pipe().unwrap_or_else(|error| panic!("{error}"));
    let args = [&["-s", "tkill", "--stats"], args].concat();
    let sigtrace = Streaming::start(&args, writer);
    let reading = thread::spawn(move || read(reader));
    let made = Flood::run(THREADS, calls / THREADS);
    let resident = sigtrace.memory("VmRSS");
    sigtrace.signal(libc::SIGINT);
    let books = reading.join().unwrap_or_else(|panic| resume_unwind(panic));
    let (status, stderr) = sigtrace.end();
    assert!(status.success(), "{status}: {stderr}");
    let sum = |counts: &Value| -> u64 {
        counts.as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
    };
    let (printed, lost) = (sum(&books.stats["printed"]), sum(&books.stats["lost"]));
    eprintln!("{args:?}: {made} calls = {printed} printed + {lost} lost: {}", books.stats["lost"]);
    assert_eq!((printed + lost, &books.stats["filtered"]), (made, &Value::from(0)), "{books:?}");
    assert_eq!((books.events, books.lost), (printed, lost), "told of, and added up: {books:?}");
    assert!(resident < RESIDENT, "it takes {resident} kB");
    books
}

/// Reads the stream: whole lines, events numbered without gaps, losses in the order of time.
fn read(reader: PipeReader) -> Books {
    let mut books = Books::default();
    let mut numbered = 0;
    let mut last = String::new();
    for line in BufReader::new(reader).lines() {
        let line = line.unwrap_or_else(|error| panic!("{error}"));
        let is_call = line.starts_with(r#"{"event":"syscall""#);
        // A call can take so long on a machine with this much to do that it returns later.
        if is_call || line.starts_with(r#"{"event":"return""#) {
            // Of most of a million it is enough to know that they are there, and whole.
            assert!(line.ends_with('}'), "{line}");
            assert!(line.contains(&format!(r#","seq":{numbered},"#)), "{line}");
            numbered += 1;
            books.events += u64::from(is_call);
            continue;
        }
        let event: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let time = event["time"].as_str().unwrap_or_default().to_owned();
        assert!(last <= time, "{line} comes after {last}");
        last = time;
        if event["event"] == "lost" {
            let counts = event.as_object().into_iter().flatten();
            books.lost += counts.filter_map(|(_, count)| count.as_u64()).sum::<u64>();
        } else {
            books.stats = event;
        }
    }
    books
}
