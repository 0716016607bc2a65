//! A limit on the bytes of events that are written each second.

use std::num::NonZeroU64;

/// A quiet time leaves room for this much of the limit at once. Signals come in bursts: a service stops,
/// a build is interrupted. It is as long as journald's default, `RateLimitIntervalSec=30s`.
const BURST_NS: u64 = 30 * SECOND_NS;
const SECOND_NS: u64 = 1_000_000_000;

/// A token bucket. It is kept as a time rather than as a number of tokens, so that nothing is lost in
/// rounding however often it is looked at.
#[derive(Debug)]
pub(crate) struct Rate {
    /// Bytes a second.
    limit: NonZeroU64,
    /// The latest time it was told, on [`clock::KERNEL`](super::clock::KERNEL).
    now_ns: u64,
    /// When everything that was written would have been written at the limit, to the nanosecond.
    written_at_limit_ns: u64,
}

impl Rate {
    /// At most this many bytes a second.
    pub(crate) fn new(limit: NonZeroU64) -> Self {
        Self { limit, now_ns: 0, written_at_limit_ns: 0 }
    }

    /// It is this late now.
    pub(crate) fn advance(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// Whether another line may be written, however long it is: its length is not known before it has
    /// been formatted, and one that is longer than the limit must get through at some time. What it takes
    /// too much, the next lines have to wait for.
    pub(crate) fn allows_more(&self) -> bool {
        self.written_at_limit_ns.saturating_sub(self.now_ns) < BURST_NS
    }

    /// A line of this many bytes is written.
    pub(crate) fn spend(&mut self, bytes: usize) {
        let takes_ns = (bytes as u64).saturating_mul(SECOND_NS).div_ceil(self.limit.get());
        self.written_at_limit_ns =
            self.written_at_limit_ns.max(self.now_ns).saturating_add(takes_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: usize = 400;

    fn rate(limit: u64) -> Rate {
        Rate::new(NonZeroU64::new(limit).unwrap())
    }

    /// Has lines of so many bytes come at these times, in milliseconds. At which of them one was written.
    fn written(rate: &mut Rate, bytes: usize, times: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut is_written = |ms: &u64| {
            rate.advance(ms * 1_000_000);
            let allows_more = rate.allows_more();
            if allows_more {
                rate.spend(bytes);
            }
            allows_more
        };
        times.filter(&mut is_written).collect()
    }

    /// So many lines at once.
    fn at_once(rate: &mut Rate, ms: u64, lines: usize) -> usize {
        written(rate, LINE, std::iter::repeat_n(ms, lines)).len()
    }

    #[test]
    fn a_flood_gets_the_limit_and_one_burst() {
        // 10 lines a second: 300 in the burst, and those of a minute.
        assert_eq!(written(&mut rate(4000), LINE, 0..60_000).len(), 300 + 600);
        // From then on they come evenly.
        let mut rate = rate(4000);
        written(&mut rate, LINE, 0..60_000);
        let expected: Vec<u64> = (0..10).map(|n| 60_001 + 100 * n).collect();
        assert_eq!(written(&mut rate, LINE, 60_000..61_000), expected);
    }

    #[test]
    fn what_stays_below_the_limit_is_written() {
        assert_eq!(written(&mut rate(4000), LINE, (0..10_000_000).step_by(100)).len(), 100_000);
    }

    #[test]
    fn a_quiet_time_leaves_room_for_one_burst_however_long_it_was() {
        let (mut rate, day) = (rate(4000), 24 * 3600 * 1000);
        assert_eq!(at_once(&mut rate, day, 1000), 300);
        assert_eq!(at_once(&mut rate, day, 1000), 0);
        assert_eq!(at_once(&mut rate, day + 2500, 1000), 25);
        // Among others, because the machine was suspended.
        assert_eq!(at_once(&mut rate, 100 * day, 1000), 300);
    }

    #[test]
    fn a_line_longer_than_the_limit_is_written_and_paid_for_later() {
        // Each takes 40 seconds, of which the first 30 are the burst.
        let seconds = (0..100).map(|second| second * 1000);
        assert_eq!(written(&mut rate(100), 4000, seconds), [0, 11_000, 51_000, 91_000]);
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let mut rate = rate(4000);
        assert_eq!(at_once(&mut rate, 60_000, 299), 299);
        assert_eq!(at_once(&mut rate, 0, 1000), 1);
        assert_eq!(at_once(&mut rate, 60_100, 1000), 1);
    }

    #[test]
    fn nothing_overflows() {
        for limit in [1, u64::MAX] {
            let mut rate = rate(limit);
            rate.advance(u64::MAX - 1);
            rate.spend(usize::MAX);
            rate.spend(usize::MAX);
            assert_eq!(rate.written_at_limit_ns, u64::MAX);
        }
    }
}
