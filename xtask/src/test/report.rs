//! What came out of each suite, and of all of them.

use std::fmt;
use std::time::Duration;

use super::count::Tally;

/// The result of one suite.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The suite, and the kernel if it ran in a guest.
    pub(crate) suite: String,
    /// Its tests.
    pub(crate) tally: Tally,
    /// How long it took.
    pub(crate) took: Duration,
    /// What to show of a failure.
    pub(crate) details: String,
}

impl Outcome {
    /// A suite that did not get to its tests: a failure.
    pub(crate) fn not_run(suite: &str, why: &anyhow::Error) -> Self {
        let (tally, took) = (Tally::one(false), Duration::ZERO);
        Self { suite: suite.into(), tally, took, details: format!("{why:#}") }
    }
}

/// The results of all suites, printed as a table and a last line that tools read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    outcomes: Vec<Outcome>,
}

impl Report {
    /// Takes a suite's result in.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// All tests of all suites.
    pub(crate) fn total(&self) -> Tally {
        let mut sum = Tally::default();
        for outcome in &self.outcomes {
            sum += outcome.tally;
        }
        sum
    }

    /// Whether there were tests and none failed.
    pub(crate) fn is_success(&self) -> bool {
        let total = self.total();
        total.failed == 0 && total.passed > 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Outcome { suite, details, .. } in self.outcomes.iter().filter(|o| o.tally.failed > 0) {
            writeln!(f, "\n==== {suite} ====\n{}", details.trim_end())?;
        }
        writeln!(f, "\n{:<28} {:>7} {:>7} {:>8}", "suite", "passed", "failed", "time")?;
        for Outcome { suite, tally, took, .. } in &self.outcomes {
            let seconds = took.as_secs_f32();
            writeln!(f, "{suite:<28} {:>7} {:>7} {seconds:>6.1} s", tally.passed, tally.failed)?;
        }
        let total = self.total();
        write!(f, "\n{} passed, {} failed", total.passed, total.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(suite: &str, passed: u64, failed: u64) -> Outcome {
        let tally = Tally { passed, failed };
        Outcome { suite: suite.into(), tally, took: Duration::ZERO, details: "the reason".into() }
    }

    #[test]
    fn the_last_line_is_the_sum() {
        let mut report = Report::default();
        report.add(outcome("format", 1, 0));
        report.add(outcome("guest 6.12", 40, 2));
        let text = report.to_string();
        assert_eq!(text.lines().last(), Some("41 passed, 2 failed"));
        assert!(text.contains("==== guest 6.12 ====\nthe reason"), "{text}");
        assert!(!report.is_success());
    }

    #[test]
    fn nothing_tested_is_no_success() {
        assert!(!Report::default().is_success());
    }
}
