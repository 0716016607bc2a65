//! What has been compared so far, by all tests together.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::compare::Comparison;

static TALLY: Mutex<Tally> = Mutex::new(Tally { programs: Vec::new(), tolerated: BTreeMap::new() });

/// Counts of calls and of tolerated differences.
#[derive(Debug)]
pub(crate) struct Tally {
    programs: Vec<(String, usize)>,
    tolerated: BTreeMap<&'static str, usize>,
}

/// Takes in what was compared of a program.
pub(crate) fn add(program: &str, comparison: &Comparison) {
    let mut tally = lock();
    tally.programs.push((program.into(), comparison.calls));
    for (name, count) in &comparison.tolerated {
        *tally.tolerated.entry(name).or_default() += count;
    }
}

/// Prints the counts, for the suite's log. Returns how many calls there were.
pub(crate) fn print() -> usize {
    let tally = lock();
    println!();
    for (program, calls) in &tally.programs {
        println!("{calls:>7} calls of {program}");
    }
    let total = tally.programs.iter().map(|(_, calls)| calls).sum();
    println!("{total:>7} calls compared");
    for (name, count) in &tally.tolerated {
        println!("{count:>7} times tolerated: {name}");
    }
    total
}

fn lock() -> MutexGuard<'static, Tally> {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner)
}
