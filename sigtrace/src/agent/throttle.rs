//! Not to say the same thing all the time.

use std::time::{Duration, Instant};

/// Lets something pass that then has to wait for a while.
#[derive(Debug)]
pub(crate) struct Throttle {
    apart: Duration,
    due: Option<Instant>,
}

impl Throttle {
    /// What passes is so far apart. The first passes at once.
    pub(crate) fn new(apart: Duration) -> Self {
        Self { apart, due: None }
    }

    /// Whether it may pass now. If so, not again for a while.
    pub(crate) fn pass(&mut self) -> bool {
        self.pass_at(Instant::now())
    }

    fn pass_at(&mut self, now: Instant) -> bool {
        let passes = self.due.is_none_or(|due| due <= now);
        if passes {
            self.due = Some(now + self.apart);
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_apart() {
        let (mut throttle, start) = (Throttle::new(Duration::from_secs(1)), Instant::now());
        let passes = [0, 1, 999, 1000, 1001, 1999, 2500, 3499, 3500]
            .map(|ms| throttle.pass_at(start + Duration::from_millis(ms)));
        assert_eq!(passes, [true, false, false, true, false, false, true, false, true]);
    }
}
