//! Whether the probes answer: the agent makes calls of its own that do nothing, and looks whether the
//! programs saw them.
//!
//! A probe can fall silent without a word. Somebody switches off all kprobes, or a live patch puts
//! another function in the place of the one that is probed.

mod call;
mod reason;

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use anyhow::Result;
use sigtrace_common::{Phase, SYSCALLS, Seen};

use self::{
    call::{Answer, Trial},
    reason::Circumstances,
};
use crate::arch::NATIVE;
use crate::bpf::{Kernel, Mechanism};

/// How often a row is tried before its probes are said not to answer: the kernel skips a program now
/// and then, as when it is under way on that processor.
const ATTEMPTS: usize = 3;

/// The calls to make.
#[derive(Debug)]
pub(crate) struct Trials {
    /// By row.
    trials: BTreeMap<usize, Trial>,
    /// Rows that are probed and cannot be tried.
    untried: Vec<usize>,
    /// Whether that switches off with all kprobes, by row.
    by_kprobe: BTreeMap<usize, bool>,
    /// Rows that are probed by pairs of probes.
    pairs: BTreeSet<usize>,
}

/// What came of the calls. Rows of the syscall table, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The syscalls whose probes do not answer.
    pub(crate) silent: Vec<usize>,
    /// Those of which that is not known: no call of theirs does nothing, or the sandbox refused it.
    pub(crate) unchecked: Vec<usize>,
    /// Why probes do not answer, if there are any.
    pub(crate) reason: Option<String>,
}

impl Outcome {
    /// The names of the syscalls whose probes do not answer.
    pub(crate) fn silent_names(&self) -> Vec<&'static str> {
        self.silent.iter().filter_map(|&row| Some(SYSCALLS.get(row)?.name)).collect()
    }
}

impl Trials {
    /// Of the rows that are probed by these.
    pub(crate) fn new(mechanisms: &BTreeMap<usize, Mechanism>) -> Self {
        let (mut trials, mut untried) = (BTreeMap::new(), Vec::new());
        let probed = mechanisms.iter().filter(|(_, how)| **how != Mechanism::Unsupported);
        let by_kprobe = probed.map(|(&row, how)| (row, is_kprobe(*how))).collect();
        let pairs = mechanisms.iter().filter(|(_, how)| **how == Mechanism::Kprobe);
        let pairs = pairs.map(|(&row, _)| row).collect();
        for &row in BTreeMap::keys(&by_kprobe) {
            match SYSCALLS.get(row).and_then(Trial::of) {
                Some(trial) => _ = trials.insert(row, trial),
                None => untried.push(row),
            }
        }
        Self { trials, untried, by_kprobe, pairs }
    }

    /// Makes the calls, and says whose probes saw them. The agent is to be tracing.
    ///
    /// No other thread of the agent should make such calls meanwhile: one that does could hide, this
    /// time, that a probe does not answer.
    ///
    /// # Errors
    ///
    /// When the programs cannot be told of it, or what they saw cannot be read.
    pub(crate) fn run(&mut self, kernel: &mut Kernel) -> Result<Outcome> {
        let mut outcome = Outcome { unchecked: self.untried.clone(), ..Outcome::default() };
        let mut rows: Vec<usize> = self.trials.keys().copied().collect();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                // Whoever was in one of the programs on this processor may come to its end.
                thread::yield_now();
            }
            let before = kernel.seen()?;
            kernel.set_phase(Phase::Trying)?;
            let answers = self.make(&rows);
            kernel.set_phase(Phase::Tracing)?;
            let after = kernel.seen()?;
            let (silent, refused) = judge(&answers, &before, &after, &self.pairs);
            outcome.unchecked.extend(refused);
            rows = silent;
            if rows.is_empty() {
                break;
            }
        }
        outcome.unchecked.sort_unstable();
        if !rows.is_empty() {
            outcome.reason = Some(self.reason(&rows));
        }
        outcome.silent = rows;
        Ok(outcome)
    }

    /// Makes the calls of these rows, one of each.
    fn make(&self, rows: &[usize]) -> Vec<(usize, Answer)> {
        let trials = rows.iter().filter_map(|row| Some((*row, self.trials.get(row)?)));
        trials.map(|(row, trial)| (row, trial.make())).collect()
    }

    /// Why the probes of these rows do not answer.
    fn reason(&self, rows: &[usize]) -> String {
        let by_kprobe = rows.iter().any(|row| self.by_kprobe.get(row) == Some(&true));
        let symbols = rows
            .iter()
            .filter_map(|&row| SYSCALLS.get(row)?.entries.get(NATIVE))
            .map(|entry| entry.symbol);
        Circumstances::now().reason(by_kprobe, symbols)
    }
}

/// Whether switching off kprobes silences it.
fn is_kprobe(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::Kprobe | Mechanism::KprobeFexit)
}

/// The rows whose programs did not see the call that was made of each, and those of which that says
/// nothing, as somebody else answered the call.
fn judge(
    answers: &[(usize, Answer)],
    before: &[Seen],
    after: &[Seen],
    pairs: &BTreeSet<usize>,
) -> (Vec<usize>, Vec<usize>) {
    let unseen = answers.iter().filter(|(row, _)| match (before.get(*row), after.get(*row)) {
        (Some(before), Some(after)) => !is_seen(*before, *after, pairs.contains(row)),
        _ => true,
    });
    let (silent, refused): (Vec<_>, Vec<_>) =
        unseen.partition(|(_, answer)| *answer == Answer::OfTheKernel);
    let rows = |answers: Vec<&(usize, Answer)>| answers.into_iter().map(|(row, _)| *row).collect();
    (rows(silent), rows(refused))
}

/// Whether a call was seen to begin and to return between these. More than one is another thread's. By
/// a pair of probes it need not be seen to return: sleepers may have all slots for that.
fn is_seen(before: Seen, after: Seen, by_pair: bool) -> bool {
    // The numbers start again from 0.
    let since = |before: u32, after: u32| after.wrapping_sub(before) > 0;
    since(before.entries, after.entries) && (by_pair || since(before.returns, after.returns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(entries: u32, returns: u32) -> Seen {
        Seen { entries, returns }
    }

    fn row(name: &str) -> usize {
        sigtrace_common::find(name).unwrap().0
    }

    #[test]
    fn a_call_is_seen_if_it_was_seen_to_begin_and_to_return() {
        for (before, after, expected) in [
            (seen(4, 4), seen(5, 5), true),
            (seen(4, 4), seen(4, 4), false),
            (seen(4, 4), seen(5, 4), false),
            (seen(4, 4), seen(4, 5), false),
            // Another thread made one, too.
            (seen(4, 4), seen(6, 6), true),
            (seen(u32::MAX, u32::MAX), seen(0, 0), true),
        ] {
            assert_eq!(is_seen(before, after, false), expected, "{before:?} {after:?}");
            // By a pair the entry is enough.
            let began = before.entries != after.entries;
            assert_eq!(is_seen(before, after, true), began, "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_row_is_silent_if_its_call_was_made_and_not_seen() {
        let answers = [Answer::OfTheKernel, Answer::Refused, Answer::OfTheKernel, Answer::Refused];
        let answers: Vec<_> = answers.into_iter().enumerate().collect();
        let before = [seen(7, 7); 4];
        let after = [seen(8, 8), seen(7, 7), seen(8, 7), seen(8, 8)];
        assert_eq!(judge(&answers, &before, &after, &BTreeSet::new()), (vec![2], vec![1]));
    }

    #[test]
    fn rows_that_are_probed_are_tried_or_known_not_to_be() {
        let mechanisms = BTreeMap::from([
            (row("kill"), Mechanism::Kprobe),
            (row("tkill"), Mechanism::Unsupported),
            (row("tgkill"), Mechanism::Session),
            (row("rt_sigreturn"), Mechanism::Kprobe),
            (row("read"), Mechanism::Fentry),
            (row("sigaction"), Mechanism::Kprobe),
        ]);
        let trials = Trials::new(&mechanisms);
        let tried: Vec<_> = trials.trials.keys().copied().collect();
        assert_eq!(tried, [row("kill"), row("tgkill")]);
        assert_eq!(trials.untried, [row("rt_sigreturn"), row("read"), row("sigaction")]);
    }

    #[test]
    fn what_is_silent_has_names() {
        let outcome = Outcome { silent: vec![row("kill"), row("tkill")], ..Outcome::default() };
        assert_eq!(outcome.silent_names(), ["kill", "tkill"]);
    }
}
