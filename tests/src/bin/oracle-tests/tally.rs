//! What has been compared so far, by all tests together.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::compare::Comparison;
use crate::counts::Counts;

static TALLY: Mutex<Tally> = Mutex::new(Tally { programs: Vec::new(), tolerated: BTreeMap::new() });

/// Counts of what was compared and of tolerated differences.
#[derive(Debug)]
pub(crate) struct Tally {
    programs: Vec<(String, Counts)>,
    tolerated: BTreeMap<&'static str, usize>,
}

/// Takes in what was compared of a program.
pub(crate) fn add(program: &str, comparison: &Comparison) {
    let mut tally = lock();
    tally.programs.push((program.into(), comparison.counts));
    for (name, count) in &comparison.tolerated {
        *tally.tolerated.entry(name).or_default() += count;
    }
}

/// Prints the counts, for the suite's log. Returns those of all programs together.
pub(crate) fn print() -> Counts {
    let tally = lock();
    println!();
    let mut total = Counts::default();
    for (program, counts) in &tally.programs {
        println!("{counts} of {program}");
        total += *counts;
    }
    println!("{total} compared");
    for (name, count) in &tally.tolerated {
        println!("{count:>7} times tolerated: {name}");
    }
    total
}

fn lock() -> MutexGuard<'static, Tally> {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner)
}
