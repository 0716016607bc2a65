//! The books: calls made while attached = printed + filtered + merged + lost.

use std::thread;
use std::time::Duration;

use serde_json::json;
use sigtrace_tests::harness::{Background, Test, Trace, Tracer, run};
use sigtrace_tests::integer;
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    every_call_is_printed_when_there_is_room,
    a_call_that_is_not_printed_is_filtered,
    a_ring_too_small_loses_calls_and_says_how_many,
    threads_on_all_processors_lose_no_count,
    a_tracer_that_stands_still_for_seconds_knows_what_it_lost,
    a_tracer_that_gets_no_processor_knows_what_it_lost,
    processes_killed_in_their_calls_are_counted,
    threads_that_end_in_the_midst_of_calls_are_counted,
    processes_that_come_and_go_are_counted,
    processes_that_die_with_many_threads_are_told_of_once_each,
    a_command_is_traced_from_its_first_call_to_its_last,
    stats_come_every_interval_and_never_fall,
];

/// What the storm calls, and nobody else on the machine.
const STORM: &str = "tkill,rt_sigpending,pidfd_open";

/// Runs a storm of three calls a round; how many rounds it made.
fn storm(threads: u64, rounds: u64) -> u64 {
    Background::count("storm", &[threads, rounds])
}

/// What holds of every trace whose calls are all the storm's.
#[track_caller]
fn assert_adds_up(trace: &Trace, calls: u64) {
    let stats = trace.stats();
    assert_eq!(stats.calls(), calls, "the books do not add up: {}", stats.0);
    assert_eq!(stats.printed(), trace.calls().count() as u64, "printed: {}", stats.0);
    assert_in_order(trace);
    let told: u64 = trace.lost().values().filter_map(integer::read::<u64>).sum();
    assert_eq!(told, stats.lost(), "lost, as it happened and in the end: {}", stats.0);
    let counts = trace.repeated().filter_map(|event| integer::read::<u64>(&event["count"]));
    assert_eq!(counts.sum::<u64>(), stats.merged(), "merged: {}", stats.0);
    let merged = match stats.merged() {
        0 => String::new(),
        calls => format!("{calls} calls merged into {}, ", trace.repeated().count()),
    };
    let last = format!(
        "sigtrace: {} events, {} calls filtered out, {merged}{} lost",
        stats.printed(),
        stats.filtered(),
        stats.lost()
    );
    assert!(trace.stderr.contains(&last), "{last:?} is not on stderr:\n{}", trace.stderr);
}

/// Losses are told of in the order of time, and after the calls that began, or returned, before.
#[track_caller]
fn assert_in_order(trace: &Trace) {
    let mut last = "";
    for event in &trace.events {
        let time = event["time"].as_str().unwrap_or_default();
        if event["event"] == "syscall" || event["event"] == "return" {
            continue;
        }
        assert!(last <= time, "{event} comes after {last}");
        last = time;
    }
    let mut latest = "";
    for event in &trace.events {
        let time = event["time"].as_str().unwrap_or_default();
        if event["event"] == "syscall" || event["event"] == "return" {
            latest = latest.max(time);
        } else {
            assert!(latest <= time, "{event} comes after a call at {latest}");
        }
    }
}

fn every_call_is_printed_when_there_is_room() {
    let tracer = Tracer::start(&["--syscall", STORM, "--stats"]);
    let rounds = storm(1, 300);
    let trace = tracer.finish();
    assert_adds_up(&trace, 3 * rounds);
    let stats = trace.stats();
    let by = |name| Kernel::running().probe(name);
    let probes = json!({
        "rt_sigpending": by("rt_sigpending"),
        "tkill": by("tkill"),
        "pidfd_open": by("pidfd_open"),
    });
    let counts = json!({ "rt_sigpending": rounds, "tkill": rounds, "pidfd_open": rounds });
    assert_eq!((&stats.0["printed"], &stats.0["probes"]), (&counts, &probes));
    assert_eq!((stats.filtered(), stats.lost()), (0, 0));
    let whole = json!({ "return_missed": 0, "unfinished": 0, "unreadable": 0, "read_late": 0 });
    assert_eq!(stats.0["incomplete"], whole);
}

fn a_call_that_is_not_printed_is_filtered() {
    let tracer = Tracer::start(&["--syscall", STORM, "--stats", "--failed"]);
    let rounds = storm(2, 200);
    let trace = tracer.finish();
    assert_adds_up(&trace, 3 * rounds);
    let stats = trace.stats();
    assert_eq!((stats.printed_of("pidfd_open"), stats.filtered()), (rounds, 2 * rounds));
}

fn a_ring_too_small_loses_calls_and_says_how_many() {
    let tracer =
        Tracer::start(&["--syscall", STORM, "--stats", "--ring-size", "4096", "--no-shares"]);
    let rounds = storm(1, 1000);
    let trace = tracer.finish();
    assert_adds_up(&trace, 3 * rounds);
    assert_all_for_the_ring(&trace);
}

#[track_caller]
fn assert_all_for_the_ring(trace: &Trace) {
    let stats = trace.stats();
    assert!(stats.lost() > 0, "a page of ring was enough: {}", stats.0);
    assert_eq!(stats.0["lost"]["ring_full"], stats.lost(), "{}", stats.0);
}

fn threads_on_all_processors_lose_no_count() {
    for ring in ["4M", "4096"] {
        let tracer =
            Tracer::start(&["--syscall", STORM, "--stats", "--ring-size", ring, "--no-shares"]);
        let rounds = storm(8, 100);
        let trace = tracer.finish();
        assert_adds_up(&trace, 3 * rounds);
        if ring == "4096" {
            assert_all_for_the_ring(&trace);
        }
    }
}

fn a_tracer_that_stands_still_for_seconds_knows_what_it_lost() {
    let tracer =
        Tracer::start(&["--syscall", STORM, "--stats", "--ring-size", "256K", "--no-shares"]);
    tracer.signal(libc::SIGSTOP);
    let rounds = storm(4, 1000);
    thread::sleep(Duration::from_secs(2));
    tracer.signal(libc::SIGCONT);
    // What comes after is seen again.
    let more = storm(1, 10);
    let trace = tracer.finish();
    assert_adds_up(&trace, 3 * (rounds + more));
    assert_all_for_the_ring(&trace);
}

fn a_tracer_that_gets_no_processor_knows_what_it_lost() {
    let tracer = Tracer::start(&["--syscall", STORM, "--stats", "--ring-size", "64K"]);
    let hog = Background::start("hog", &["8"]);
    let rounds = storm(4, 300);
    let trace = tracer.finish();
    drop(hog);
    assert_adds_up(&trace, 3 * rounds);
}

fn processes_killed_in_their_calls_are_counted() {
    for probe in ["auto", "kprobe"] {
        let tracer = Tracer::start(&["-s", "rt_sigsuspend", "--stats", "--probe", probe]);
        let killed = Background::count("killed", &[50]);
        let trace = tracer.finish();
        assert_adds_up(&trace, killed);
        assert_eq!(trace.stats().printed(), killed);
        let returns = trace.calls().filter(|call| call["error"] == "ERESTARTNOHAND").count() as u64;
        let missed = trace.calls().filter(|call| call["return"] == "missed").count() as u64;
        assert_eq!((returns + missed, trace.stats().incomplete("return_missed")), (killed, missed));
        assert!(probe == "kprobe" || missed == 0, "{missed} returns were missed");
    }
}

fn threads_that_end_in_the_midst_of_calls_are_counted() {
    let tracer = Tracer::start(&["-s", "tkill", "--stats"]);
    let least = Background::count("ended", &[20]);
    let trace = tracer.finish();
    let calls = trace.stats().calls();
    assert!(calls >= least, "{calls} of {least}");
    assert_adds_up(&trace, calls);
    // One that ends in a call does so after its return.
    assert_eq!(trace.stats().incomplete("return_missed"), 0);
}

fn processes_that_come_and_go_are_counted() {
    for args in [&["-s", "tkill", "--stats"][..], &["-s", "tkill", "--stats", "--probe", "fentry"]]
    {
        let tracer = Tracer::start(args);
        let calls = Background::count("forked", &[50]);
        let trace = tracer.finish();
        assert_adds_up(&trace, calls);
    }
    for workload in ["forked", "vforked"] {
        let trace = run(&["-s", "tkill", "--stats"], &["workload", workload, "20"]);
        assert_eq!((trace.stdout.as_str(), trace.stats().printed()), ("400\n", 400), "{workload}");
    }
}

fn a_command_is_traced_from_its_first_call_to_its_last() {
    let trace = run(&["--syscall", STORM, "--stats"], &["workload", "storm", "3", "300"]);
    assert_eq!(trace.status.code(), Some(0));
    assert_eq!(trace.stdout, "900\n");
    assert_adds_up(&trace, 2700);
    assert_eq!(trace.stats().printed(), 2700);
}

fn stats_come_every_interval_and_never_fall() {
    let tracer = Tracer::start(&["--syscall", STORM, "--stats", "50ms"]);
    let mut rounds = storm(1, 100);
    tracer.wait_for_line(r#""event":"stats""#);
    rounds += storm(1, 100);
    let trace = tracer.finish();
    assert_adds_up(&trace, 3 * rounds);
    let stats: Vec<_> = trace.events.iter().filter(|event| event["event"] == "stats").collect();
    assert!(stats.len() > 1, "{stats:?}");
    let growing = |key: fn(&serde_json::Value) -> u64| stats.is_sorted_by_key(|stats| key(stats));
    assert!(growing(|stats| integer::read(&stats["elapsed_ns"]).unwrap_or(0)), "{stats:?}");
    assert!(growing(|stats| integer::read(&stats["printed"]["tkill"]).unwrap_or(0)), "{stats:?}");
}

fn processes_that_die_with_many_threads_are_told_of_once_each() {
    let tracer = Tracer::start(&["--events", "exit", "--stats"]);
    let died = Background::count("deaths", &[100, 20]);
    let trace = tracer.finish();
    let mut pids: Vec<u64> =
        trace.exits().filter_map(|exit| integer::read(&exit["process"]["pid"])).collect();
    assert_eq!(pids.len() as u64, died);
    pids.sort_unstable();
    pids.dedup();
    assert_eq!((pids.len() as u64, trace.stats().exits()), (died, [died, 0, 0]));
}
