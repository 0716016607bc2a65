//! Counting tests in the output of test programs.

use std::ops::AddAssign;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
}

impl Tally {
    /// One test, or a check that counts as one.
    pub(crate) fn one(ok: bool) -> Self {
        Self { passed: u64::from(ok), failed: u64::from(!ok) }
    }

    /// How many tests ran.
    pub(crate) fn total(self) -> u64 {
        self.passed + self.failed
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The sum of all result lines of libtest in `output`, as cargo prints one for each program.
pub(crate) fn results(output: &str) -> Tally {
    let mut sum = Tally::default();
    for line in output.lines() {
        let Some(line) = line.strip_prefix("test result: ") else { continue };
        let count = |what: &str| {
            let parts = line.split([';', '.']).map(str::trim);
            parts.filter_map(|part| part.strip_suffix(what)?.trim().parse::<u64>().ok()).sum()
        };
        sum += Tally { passed: count("passed"), failed: count("failed") };
    }
    sum
}

/// The tests that have ended so far, by their own lines.
pub(crate) fn so_far(output: &str) -> Tally {
    let mut sum = Tally::default();
    for line in output.lines().filter(|line| line.starts_with("test ")) {
        match line.rsplit_once(" ... ") {
            Some((_, "ok")) => sum.passed += 1,
            Some((_, "FAILED")) => sum.failed += 1,
            _ => {}
        }
    }
    sum
}

/// The parts of the output that say what failed and why.
pub(crate) fn failures(output: &str) -> Option<String> {
    let details = output.match_indices("\nfailures:\n").map(|(at, _)| {
        let rest = &output[at + 1..];
        let end = rest.find("\ntest result: ").unwrap_or(rest.len());
        rest[..end].trim_end()
    });
    let details: Vec<&str> = details.collect();
    (!details.is_empty()).then(|| details.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 3 tests
test a ... ok
test b ... FAILED
test c ... ok

failures:

---- b stdout ----
left: 1, right: 2

failures:
    b

test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s

test result: ok. 10 passed; 0 failed; 0 ignored
";

    #[test]
    fn result_lines_are_summed() {
        assert_eq!(results(OUTPUT), Tally { passed: 12, failed: 1 });
        assert_eq!(results("12 passed, 3 failed\n"), Tally::default());
    }

    #[test]
    fn progress_comes_from_the_tests_own_lines() {
        assert_eq!(so_far(OUTPUT), Tally { passed: 2, failed: 1 });
        assert_eq!(so_far("test a ... "), Tally::default());
    }

    #[test]
    fn failures_are_cut_out() {
        let shown = failures(OUTPUT).unwrap();
        assert!(shown.contains("left: 1, right: 2") && !shown.contains("test a"), "{shown}");
        assert_eq!(failures("error: no such thing"), None);
    }
}
