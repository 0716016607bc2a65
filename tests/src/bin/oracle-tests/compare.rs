//! The steps of one thread as both tell them, beside each other.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::counts::Counts;
use crate::difference::Pair;
use crate::step::{Step, TAKE};
use crate::tolerated;

/// What came of comparing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    /// What both tell of.
    pub(crate) counts: Counts,
    /// Differences on the list, by their names.
    pub(crate) tolerated: BTreeMap<&'static str, usize>,
    /// How many others there are.
    pub(crate) differences: usize,
    /// The first of each kind of these: by step and place.
    pub(crate) examples: BTreeMap<(String, String), String>,
}

impl Comparison {
    /// Compares what a thread did, step by step. After one that only one tells of and that is on
    /// no list it is not known which belong together, so the thread's rest is left.
    pub(crate) fn thread(&mut self, tid: i32, strace: &[Step<'_>], sigtrace: &[Step<'_>]) {
        let (mut left, mut right) = (strace.iter().peekable(), sigtrace.iter().peekable());
        loop {
            // What only one tells of goes first: its like may be what both tell of next. Not so the signal
            // that a thread took last, which may be that of both.
            let take = left.peek().is_some_and(|step| step.name == TAKE);
            let alone = |step: &&Step<'_>| {
                is_tolerated(Pair::only_sigtrace(step)) && !(take && step.name == TAKE)
            };
            if let Some(step) = right.next_if(alone) {
                self.judge(tid, Pair::only_sigtrace(step));
                continue;
            }
            let pair = match (left.peek(), right.peek()) {
                (None, None) => return,
                (Some(strace), Some(sigtrace)) if strace.name == sigtrace.name => {
                    Pair::both(strace, sigtrace)
                }
                (Some(strace), _) if is_tolerated(Pair::only_strace(strace)) => {
                    self.judge(tid, Pair::only_strace(strace));
                    left.next();
                    continue;
                }
                (None, Some(sigtrace)) => Pair::only_sigtrace(sigtrace),
                (Some(strace), None) => Pair::only_strace(strace),
                (Some(strace), Some(sigtrace)) => {
                    self.judge(tid, Pair::both(strace, sigtrace));
                    return;
                }
            };
            self.judge(tid, pair);
            left.next();
            right.next();
        }
    }

    /// Takes a pair in.
    fn judge(&mut self, tid: i32, pair: Pair<'_>) {
        if pair.is_both() {
            self.counts.count(pair);
        }
        for difference in pair.differences() {
            match tolerated::covering(&difference, pair) {
                Some(tolerated) => *self.tolerated.entry(tolerated.name).or_default() += 1,
                None => {
                    self.differences += 1;
                    let kind = (pair.name().to_owned(), difference.path.clone());
                    let example = || format!("  thread {tid}: {difference}\n{pair}\n");
                    self.examples.entry(kind).or_insert_with(example);
                }
            }
        }
    }
}

/// Of a step that only one tells of.
fn is_tolerated(pair: Pair<'_>) -> bool {
    tolerated::covering(&pair.whole(), pair).is_some()
}
