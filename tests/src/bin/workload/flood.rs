//! More calls than anybody can read, counted while they are made.
//!
//! `workload flood THREADS CALLS PAUSE [kill]` has each thread make so many calls, or calls without
//! end if that is 0: `tkill` of nobody, or `kill`, with the signals 0 and 15 in turn, and so many
//! microseconds between. It waits for a line on its standard input before it begins, answers every
//! further line with the number of calls made so far, and the end of its input with the number of
//! all of them. It leaves the processors to who wants them, so that a test need not wait for it to
//! be over.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use sigtrace_tests::processors;

/// No process has this number.
const NOBODY: i32 = 0x7fff_fff2;

static MADE: AtomicU64 = AtomicU64::new(0);
static OVER: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(arguments: &[String]) {
    let numbers: Vec<u64> = arguments.iter().filter_map(|number| number.parse().ok()).collect();
    let [threads, calls, pause] = numbers[..] else {
        panic!("usage: workload flood THREADS CALLS PAUSE [kill]")
    };
    let number = match arguments.get(3).map(String::as_str) {
        Some("kill") => libc::SYS_kill,
        _ => libc::SYS_tkill,
    };
    let pause = Duration::from_micros(pause);
    // SAFETY: no memory is involved.
    unsafe { libc::nice(19) };
    read_line();
    if calls > 0 {
        // It is the tests that have an end to the flood before they detach.
        processors::take_all();
    }
    let start = |_| thread::spawn(move || make(number, calls, pause));
    let flood: Vec<_> = (0..threads).map(start).collect();
    while read_line() {
        println!("{}", MADE.load(Ordering::SeqCst));
    }
    // A thread that has a number of calls to make makes them all.
    OVER.store(calls == 0, Ordering::SeqCst);
    for thread in flood {
        assert!(thread.join().is_ok());
    }
    println!("{}", MADE.load(Ordering::SeqCst));
}

fn make(number: libc::c_long, calls: u64, pause: Duration) {
    let mut call = 0;
    while (calls == 0 || call < calls) && !OVER.load(Ordering::Relaxed) {
        let signo = if call % 2 == 0 { 0 } else { libc::SIGTERM };
        // SAFETY: neither call touches memory, and there is no such thread or process.
        unsafe { libc::syscall(number, NOBODY, signo) };
        MADE.fetch_add(1, Ordering::SeqCst);
        call += 1;
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }
}

/// Whether there was a line.
fn read_line() -> bool {
    io::stdin().read_line(&mut String::new()).is_ok_and(|length| length > 0)
}
