//! How much has been compared.

use std::fmt;
use std::ops::AddAssign;

use crate::difference::Pair;
use crate::step::{END, TAKE};

/// Steps that both tracers tell of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Calls.
    pub(crate) calls: usize,
    /// Signals that a thread took.
    pub(crate) taken: usize,
    /// Threads whose process a signal ended.
    pub(crate) ended: usize,
    /// Those of them whose process dumped core.
    pub(crate) dumped: usize,
}

impl Counts {
    /// Counts a step that both tell of.
    pub(crate) fn count(&mut self, pair: Pair<'_>) {
        match pair.name() {
            TAKE => self.taken += 1,
            END => {
                self.ended += 1;
                self.dumped += usize::from(*pair.sigtrace_arg("core_dumped") == true);
            }
            _ => self.calls += 1,
        }
    }

    /// Whether it is as much as this in everything.
    pub(crate) fn reaches(&self, least: &Self) -> bool {
        let enough = |count: fn(&Self) -> usize| count(self) >= count(least);
        enough(|it| it.calls)
            && enough(|it| it.taken)
            && enough(|it| it.ended)
            && enough(|it| it.dumped)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.taken += other.taken;
        self.ended += other.ended;
        self.dumped += other.dumped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, taken, ended, dumped } = self;
        write!(
            f,
            "{calls:>7} calls, {taken:>5} signals taken, {ended:>4} ends, {dumped:>2} with core"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_of_one_kind_are_not_enough() {
        let least = Counts { calls: 2, taken: 2, ended: 2, dumped: 2 };
        assert!(least.reaches(&least));
        for few in [
            Counts { calls: 1, ..least },
            Counts { taken: 1, ..least },
            Counts { ended: 1, ..least },
            Counts { dumped: 1, ..least },
        ] {
            assert!(!few.reaches(&least), "{few}");
        }
    }
}
