//! Waiting for a condition.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that takes no time on an idle machine: guests are emulated, several
/// at a time.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

/// Waits until `condition` has a value, and panics if it never does. `what` completes "waited for".
#[track_caller]
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until there is no problem, and panics with what there is if that never comes.
#[track_caller]
pub(super) fn until_none(what: &str, mut problem: impl FnMut() -> Option<String>) {
    let start = Instant::now();
    while let Some(problem) = problem() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}: {problem}");
        thread::sleep(Duration::from_millis(2));
    }
}
