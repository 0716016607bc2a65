//! The ids of calls and ends of processes.

use crate::output::MAX_NUMBER;

/// The largest id: it always is a number.
pub(crate) const MAX: u64 = MAX_NUMBER;

/// Gives everything of a run that has an id one of its own.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    given: u64,
}

impl Ids {
    /// The id of what is met for the first time. The first one's is 0.
    pub(crate) fn give(&mut self) -> u64 {
        let id = self.given;
        // For a million calls a second there are enough up to MAX for 285 years.
        self.given += 1;
        id
    }

    /// How many were given.
    pub(crate) fn given(&self) -> u64 {
        self.given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_is_given_twice() {
        let mut ids = Ids::default();
        assert_eq!([ids.give(), ids.give(), ids.give()], [0, 1, 2]);
        assert_eq!(ids.given(), 3);
    }
}
