//! A million calls on four processors, and fewer by every mechanism, and what becomes of each.

mod books;

use std::fs;
use std::io;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use sigtrace_tests::harness::{self, Flood, Streaming, Test, sigtrace, until};
use sigtrace_tests::integer;
use sigtrace_tests::kernel::{Kernel, booted_with};
use sigtrace_tests::tests;

use books::{Books, Progress, read, sum};

/// What is not of one mechanism.
const TESTS: &[Test] =
    tests![a_million_calls_of_16_threads_add_up, the_kernel_preempts_as_it_was_told_to];

/// A test for each mechanism.
macro_rules! by_mechanism {
    ($($mechanism:literal),+ $(,)?) => {
        &[$(Test {
            name: concat!("calls_of_16_threads_seen_by_", $mechanism, "_add_up"),
            run: || storm_by($mechanism),
        }),+]
    };
}

/// Those of any kernel: `tests/src/kernel.rs` says which has which.
const BY_MECHANISM: &[Test] =
    by_mechanism!["auto", "kprobe", "fentry", "kprobe.multi", "kprobe.session"];

const THREADS: u64 = 16;
/// What is promised, in kB.
const RESIDENT: u64 = 16 << 10;

fn main() -> ExitCode {
    harness::main(&[("storm", TESTS), ("storm", BY_MECHANISM)])
}

fn a_million_calls_of_16_threads_add_up() {
    let books = storm(&[], 1_000_000);
    // What has no preemption cannot be skipped.
    assert_eq!(books.stats["lost"]["probe_missed"], 0, "{}", books.stats);
    assert!(books.resident < RESIDENT, "it takes {} kB", books.resident);
}

/// A storm by a mechanism that the kernel has; another is refused.
fn storm_by(mechanism: &str) {
    if Kernel::running().has_mechanism(mechanism) {
        // With room for all of them, so that it shows what the mechanism loses.
        let books = storm(&["--probe", mechanism, "--ring-size", "64M"], 200_000);
        assert_eq!(books.stats["lost"]["ring_full"], 0, "{}", books.stats);
        // Half of them are filtered out.
        storm(&["--probe", mechanism, "--no-probe"], 100_000);
    } else {
        // It would end soon if it were not.
        let ended = sigtrace(&["--probe", mechanism, "--duration", "1s"]);
        assert!(matches!(ended.status.code(), Some(1 | 2)), "{ended:#?}");
        assert!(ended.stderr.contains(mechanism), "{ended:#?}");
        assert_eq!(ended.stdout, "");
    }
}

/// A suite that is about a kind of preemption is about nothing without it.
fn the_kernel_preempts_as_it_was_told_to() {
    const MODES: &str = "/sys/kernel/debug/sched/preempt";
    if let Some(told) = booted_with("preempt=") {
        // The one in force is in parentheses.
        let modes = fs::read_to_string(MODES).unwrap_or_else(|error| panic!("{MODES}: {error}"));
        assert!(modes.contains(&format!("({told})")), "{told} was asked for: {modes}");
    }
}

/// Has so many calls made under sigtrace, and holds its books against what it printed and against
/// what was made.
fn storm(args: &[&str], calls: u64) -> Books {
    let (reader, writer) = io::pipe().unwrap_or_else(|error| panic!("{error}"));
    let args = [&["-s", "tkill", "--stats", "100ms"], args].concat();
    let sigtrace = Streaming::start(&args, writer);
    let progress = Arc::new(Progress::default());
    let reading = thread::spawn({
        let progress = Arc::clone(&progress);
        move || read(reader, &progress)
    });
    let made = Flood::run(THREADS, calls / THREADS);
    let resident = sigtrace.memory("VmRSS");
    // There is an end to how long it goes on telling after it was told to end.
    until("the books to come to rest", || progress.is_at_rest(made).then_some(()));
    sigtrace.signal(libc::SIGINT);
    let books = reading.join().unwrap_or_else(|panic| resume_unwind(panic));
    let books = Books { resident, ..books };
    let (status, stderr) = sigtrace.end();
    assert!(status.success(), "{status}: {stderr}");
    let (printed, lost) = (sum(&books.stats["printed"]), sum(&books.stats["lost"]));
    let [filtered, merged] = ["filtered", "merged"]
        .map(|key| integer::read::<u64>(&books.stats[key]).unwrap_or_default());
    let (missed, causes) = (books.missed, &books.stats["lost"]);
    eprintln!(
        "{args:?}: {made} = {printed} printed ({missed} missed) + {filtered} filtered + {merged} \
         merged + {lost} lost: {causes}"
    );
    assert_eq!(printed + filtered + merged + lost, made, "{books:?}");
    assert_eq!(filtered > 0, args.contains(&"--no-probe"), "{books:?}");
    let told_of = (books.events, books.merged, books.lost);
    assert_eq!(told_of, (printed, merged, lost), "told of, and added up: {books:?}");
    assert_eq!(books.stats["incomplete"]["return_missed"], missed, "{books:?}");
    books
}
