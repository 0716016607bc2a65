//! How it ends: asked to, in the midst of a storm, and without being asked.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use sigtrace_tests::bpf::programs;
use sigtrace_tests::harness::{Flood, Puppet, Streaming, Test, Tracer, until};
use sigtrace_tests::integer;
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::tests;

use crate::kernel_side::Leftovers;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_signal_ends_it_after_all_that_was_before,
    a_signal_while_it_attaches_ends_it_too,
    what_is_called_while_it_attaches_is_not_traced,
    it_starts_and_ends_in_the_midst_of_a_storm,
    killed_it_leaves_nothing_in_the_kernel,
];

/// What is promised.
const LIMIT: Duration = Duration::from_secs(5);

fn a_signal_ends_it_after_all_that_was_before() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let tracer = Tracer::start(&["-s", "tkill", "--stats"]);
        let made = Flood::run(2, 200);
        let asked = Instant::now();
        tracer.signal(signal);
        let trace = tracer.end();
        assert!(asked.elapsed() < LIMIT, "it took {:?}", asked.elapsed());
        assert_eq!(trace.status.code(), Some(0));
        assert_eq!(trace.calls().count() as u64, made);
        let stats = trace.stats();
        assert_eq!((stats.printed(), stats.filtered(), stats.lost()), (made, 0, 0));
        assert_eq!(
            trace.stderr,
            format!("sigtrace: {made} events, 0 calls filtered out, 0 lost\n")
        );
    }
}

fn a_signal_while_it_attaches_ends_it_too() {
    let before = programs().len();
    let mut sigtrace = Streaming::unready(
        sigtrace_tests::harness::command(&[]).stdout(Stdio::null()).stderr(Stdio::piped()),
    );
    until("a program to be loaded", || (programs().len() > before).then_some(()));
    let asked = Instant::now();
    sigtrace.signal(libc::SIGINT);
    let status = until("the end", || sigtrace.ended());
    assert!(asked.elapsed() < LIMIT, "it took {:?}", asked.elapsed());
    let (_, stderr) = sigtrace.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert_eq!(stderr, "sigtrace: 0 events, 0 calls filtered out, 0 lost\n");
}

/// The probes are attached one after the other, and nobody reads the ring meanwhile.
fn what_is_called_while_it_attaches_is_not_traced() {
    let mut flood = Flood::with_pauses(1, 0, 1000);
    flood.begin();
    let before = flood.calls();
    let tracer = Tracer::start(&["--stats", "--ring-size", "64K"]);
    let attached = flood.calls();
    until("more calls", || (flood.calls() > attached + 100).then_some(()));
    let stopping = flood.calls();
    let trace = tracer.finish();
    flood.end();
    let traced = trace.stats().printed_of("tkill");
    // A few more were made until we knew that it was ready, and when it was told to stop.
    let (least, most) = (stopping - attached - 1, stopping - attached + (attached - before) / 2);
    assert!((least..=most).contains(&traced), "{least}..={most}: {}", trace.stats().0);
    assert_eq!(trace.stats().lost(), 0, "{}", trace.stats().0);
}

fn it_starts_and_ends_in_the_midst_of_a_storm() {
    let threads = 4;
    let mut storm = Flood::new(threads, 0);
    storm.begin();
    until("the storm", || (storm.calls() > 100).then_some(()));
    let before = storm.calls();
    let tracer = Tracer::start(&["-s", "tkill", "--stats", "--ring-size", "64K"]);
    let attached = storm.calls();
    until("more of the storm", || (storm.calls() > attached + 2000).then_some(()));
    let stopping = storm.calls();
    let trace = tracer.finish();
    let after = storm.calls();
    let stats = trace.stats();
    // All it had time for, and no more than there were; each thread can be in the midst of one.
    let (least, most) = (stopping - attached - threads, after - before + threads);
    assert!((least..=most).contains(&stats.calls()), "{least}..={most}: {stats:?}");
    assert_eq!(stats.filtered(), 0);
    assert_eq!(trace.calls().count() as u64, stats.printed());
    let pid = Value::from(storm.pid());
    let unfinished = stats.incomplete("unfinished");
    // Whoever was preempted in a call may still be in it when all is over.
    assert!(unfinished <= if Kernel::running().preempts() { threads } else { 0 }, "{}", stats.0);
    let (open, whole): (Vec<_>, Vec<_>) =
        trace.calls().partition(|call| call.get("return").is_some());
    assert_eq!(open.len() as u64, unfinished);
    assert!(open.iter().all(|call| call["return"] == "unfinished"), "{open:?}");
    for call in whole {
        let seen = (&call["pid"], &call["syscall"], &call["error"]);
        assert_eq!(seen, (&pid, &Value::from("tkill"), &Value::from("ESRCH")));
    }
    let holes = ["return_missed", "unreadable"].map(|hole| stats.incomplete(hole));
    assert_eq!(holes, [0, 0]);
    let told: u64 = trace.lost().values().filter_map(integer::read::<u64>).sum();
    assert_eq!(told, stats.lost());
    storm.end();
}

fn killed_it_leaves_nothing_in_the_kernel() {
    let before = Leftovers::now();
    let mut puppet = Puppet::start();
    // With a program of every kind, and every map.
    let pid = puppet.pid().to_string();
    let args = ["-s", "kill,read,pause", "--pid", &pid, "--follow"];
    let mut sigtrace = Streaming::start(&args, Stdio::piped());
    let mut stdout = BufReader::new(sigtrace.stdout());
    puppet.call("kill 2147483634 15");
    let mut line = String::new();
    let read = stdout.read_line(&mut line);
    assert!(read.is_ok_and(|length| length > 0));
    let during = Leftovers::now();
    assert!(during.programs > before.programs, "{during:?}");
    assert!(during.maps > before.maps, "{during:?}");
    sigtrace.signal(libc::SIGKILL);
    assert_eq!(until("the end", || sigtrace.ended()).code(), None);
    // The kernel frees them a moment later.
    until("nothing to be left", || (Leftovers::now() == before).then_some(()));
    let mut rest = String::new();
    assert!(stdout.read_to_string(&mut rest).is_ok());
    // So does one that ends by itself.
    Tracer::start(&args).finish();
    until("nothing to be left", || (Leftovers::now() == before).then_some(()));
}
