//! How much has been compared.

use std::fmt;
use std::ops::AddAssign;

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
}

impl Counts {
    /// Counts a step of this name.
    pub(crate) fn count(&mut self, name: &str) {
        let count = match name {
            TAKE => &mut self.taken,
            END => &mut self.ended,
            _ => &mut self.calls,
        };
        *count += 1;
    }

    /// Whether it is as much as this in everything.
    pub(crate) fn reaches(&self, least: &Self) -> bool {
        self.calls >= least.calls && self.taken >= least.taken && self.ended >= least.ended
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.taken += other.taken;
        self.ended += other.ended;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, taken, ended } = self;
        write!(f, "{calls:>7} calls, {taken:>5} signals taken, {ended:>4} ends")
    }
}
