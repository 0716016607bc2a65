//! Processes and threads that were to be followed and are not, as there were too many.

use std::time::Duration;

use super::throttle::Throttle;

/// While there are more and more they are told so often.
const APART: Duration = Duration::from_secs(1);

/// How many were told of.
#[derive(Debug)]
pub(crate) struct Unfollowed {
    told: u64,
    throttle: Throttle,
}

impl Default for Unfollowed {
    fn default() -> Self {
        Self { told: 0, throttle: Throttle::new(APART) }
    }
}

impl Unfollowed {
    /// Tells of those that were not told of, if there are any; `count` is of all.
    pub(crate) fn tell(&mut self, count: u64) {
        if let Some(new) = self.take_new(count) {
            tracing::warn!("too many processes to follow: the calls of {new} more are left out");
        }
    }

    /// Likewise, but not again at once.
    pub(crate) fn tell_now_and_then(&mut self, count: u64) {
        if count > self.told && self.throttle.pass() {
            self.tell(count);
        }
    }

    /// How many were not told of; they are from now on.
    fn take_new(&mut self, count: u64) -> Option<u64> {
        let new = count.saturating_sub(self.told);
        self.told += new;
        (new > 0).then_some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_of_once() {
        let mut unfollowed = Unfollowed::default();
        let new = [0, 3, 3, 4, 2, 5].map(|count| unfollowed.take_new(count));
        assert_eq!(new, [None, Some(3), None, Some(1), None, Some(1)]);
    }
}
