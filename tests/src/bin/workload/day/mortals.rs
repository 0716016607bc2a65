//! Processes that live for milliseconds, whose numbers are soon somebody else's.

use std::collections::BTreeSet;
use std::fs;

use sigtrace_tests::death::Death;

use super::victim::{Victim, kill, own};

const COUNT: usize = 300;
const PID_MAX: &str = "/proc/sys/kernel/pid_max";
/// Below these numbers none is given out a second time (`RESERVED_PIDS`, `kernel/pid.c`).
const RESERVED: usize = 300;
/// So many numbers are there for all who begin meanwhile.
const ROOM: usize = 160;

/// Each is killed by its parent, which is us, with few numbers to go round.
pub(super) fn short_lives() {
    let before = fs::read_to_string(PID_MAX).unwrap_or_default();
    set_pid_max(&(RESERVED + used() + ROOM).to_string());
    let mut pids = BTreeSet::new();
    let mut reused = 0;
    for _ in 0..COUNT {
        let mortal = Victim::idle();
        Death::of(mortal.pid, "SIGKILL").by_call("kill", own()).write();
        reused += usize::from(!pids.insert(mortal.pid));
        kill(mortal.pid, libc::SIGKILL);
        mortal.dies_of(libc::SIGKILL);
    }
    set_pid_max(&before);
    assert!(reused > 0, "no number was given out twice");
}

fn set_pid_max(max: &str) {
    fs::write(PID_MAX, max).unwrap_or_else(|error| panic!("{PID_MAX}: {max}: {error}"));
}

/// How many numbers from the first that are given out again on are taken, those of threads included.
fn used() -> usize {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let tasks = processes.filter_map(|process| fs::read_dir(process.path().join("task")).ok());
    let number = |task: fs::DirEntry| task.file_name().to_str()?.parse::<usize>().ok();
    tasks.flatten().flatten().filter_map(number).filter(|tid| *tid >= RESERVED).count()
}
