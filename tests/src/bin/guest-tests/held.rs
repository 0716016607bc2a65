//! Maps and programs of sigtrace that somebody else holds on to.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sigtrace_tests::bpf::{links, maps, name_and_value_size, pin, write};
use sigtrace_tests::harness::{Background, Test, Tracer};
use sigtrace_tests::integer;
use sigtrace_tests::tests;

use crate::kernel_side::Leftovers;

/// All of them.
pub const TESTS: &[Test] = tests![
    maps_that_are_pinned_elsewhere_change_nothing,
    links_that_are_held_elsewhere_change_nothing,
    counters_near_their_limits_are_told_as_they_are,
];

const NOTHING: Leftovers = Leftovers { probes: 0, programs: 0, maps: 0 };

/// Asserts that so much is left once the kernel has freed what nobody holds any more.
#[track_caller]
fn assert_left(expected: Leftovers) {
    let start = Instant::now();
    while Leftovers::now() != expected && start.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(Leftovers::now(), expected);
}

/// Runs a storm of one thread, as a kernel that preempts itself may skip what several call; how
/// many calls of tkill that are, a third of it.
fn storm() -> u64 {
    Background::count("storm", &[1, 100])
}

fn assert_all_printed(tracer: Tracer, calls: u64) {
    let trace = tracer.finish();
    assert_eq!(trace.status.code(), Some(0), "{}", trace.stderr);
    let stats = trace.stats();
    assert_eq!((stats.printed_of("tkill"), stats.filtered(), stats.lost()), (calls, 0, 0));
    assert_eq!(trace.calls().count() as u64, calls);
}

fn mount_bpf(at: &Path) {
    fs::create_dir_all(at).unwrap_or_else(|error| panic!("{}: {error}", at.display()));
    let path = CString::new(at.as_os_str().as_bytes())
        .unwrap_or_else(|error| panic!("{}: {error}", at.display()));
    let (kind, nothing) = (c"bpf".as_ptr(), std::ptr::null());
    // SAFETY: strings that outlive the call; this file system needs no data.
    let mounted = unsafe { libc::mount(kind, path.as_ptr(), kind, 0, nothing) };
    assert_eq!(mounted, 0, "mounting bpf at {}: {}", at.display(), io::Error::last_os_error());
}

fn maps_that_are_pinned_elsewhere_change_nothing() {
    assert_left(NOTHING);
    let directory = Path::new("/tmp/bpf");
    mount_bpf(directory);
    let tracer = Tracer::start(&["-s", "tkill", "--stats"]);
    let all = maps();
    let names: Vec<String> = all.iter().map(|map| name_and_value_size(map).0).collect();
    let missing = |name: &&&str| !names.iter().any(|known| known == **name);
    let missing: Vec<_> = ["EVENTS", "SLOTS", "COUNTERS"].iter().filter(missing).collect();
    assert!(missing.is_empty(), "{missing:?} are not among {names:?}");
    for (number, map) in all.iter().enumerate() {
        pin(map, &directory.join(number.to_string()));
    }
    let pinned = all.len();
    drop(all);
    assert_all_printed(tracer, storm());
    // What is left is what was pinned.
    assert_left(Leftovers { maps: pinned, ..NOTHING });
    let again = Tracer::start(&["-s", "tkill", "--stats"]);
    assert_all_printed(again, storm());
    for number in 0..pinned {
        let path = directory.join(number.to_string());
        fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    assert_left(NOTHING);
}

fn links_that_are_held_elsewhere_change_nothing() {
    assert_left(NOTHING);
    let tracer = Tracer::start(&["-s", "tkill", "--probe", "fentry", "--stats"]);
    let held: Vec<OwnedFd> = links();
    assert!(held.len() >= 2, "an entry and a return at least: {held:?}");
    assert_all_printed(tracer, storm());
    // The programs are still attached, and do nothing any more. They do not disturb the next.
    assert!(Leftovers::now().programs > 0);
    let again = Tracer::start(&["-s", "tkill", "--probe", "fentry", "--stats"]);
    assert_all_printed(again, storm());
    drop(held);
    assert_left(NOTHING);
}

/// Nobody counts as far as that. If it were to be, no sum becomes a small number, and nothing ends.
fn counters_near_their_limits_are_told_as_they_are() {
    const NEAR: u64 = u64::MAX - 1_000;
    let tracer = Tracer::start(&["-s", "rt_sigpending", "--failed", "--stats"]);
    let all = maps();
    let counters = all.iter().find(|map| name_and_value_size(map).0 == "COUNTERS");
    let counters = counters.unwrap_or_else(|| panic!("no COUNTERS"));
    let count = name_and_value_size(counters).1 / 8;
    // Of those of calls left out one is enough: they are told as a sum.
    let values = (0..count).map(|counter| if matches!(counter, 5 | 6) { 0 } else { NEAR });
    let values: Vec<u8> = values.flat_map(u64::to_ne_bytes).collect();
    write(counters, 0, &values);
    tracer.wait_for_line("lost");
    let calls = storm();
    let trace = tracer.finish();
    let stats = trace.stats();
    // All of its calls succeed.
    assert_eq!(stats.filtered(), NEAR + calls);
    let near = integer::shown(NEAR);
    let lost = json!({ "ring_full": near, "over_share": near, "pending_full": near, "registers_unreadable": near,
        "probe_missed": 0, "undecodable": 0, "output": 0, "rate_limited": 0 });
    assert_eq!(stats.0["lost"], lost);
    assert_eq!(stats.0["returns"], json!({ "printed": 0, "lost": near }));
    let told: Vec<&Value> = trace.events.iter().filter(|event| event["event"] == "lost").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let last =
        format!("sigtrace: 0 events, {} calls filtered out, {} lost", NEAR + calls, u64::MAX);
    let returns = format!(", and {NEAR} late returns\n");
    assert!(trace.stderr.contains(&returns), "{returns:?}: {}", trace.stderr);
    assert!(trace.stderr.contains(&last), "{last:?} is not on stderr:\n{}", trace.stderr);
}
