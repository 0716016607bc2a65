//! A limit on the bytes of events that are written each second.

use std::{collections::HashMap, num::NonZeroU64};

/// A quiet time leaves room for this much of the limit at once. Signals come in bursts: a service stops,
/// a build is interrupted. It is as long as journald's default, `RateLimitIntervalSec=30s`.
const BURST_NS: u64 = 30 * SECOND_NS;
const SECOND_NS: u64 = 1_000_000_000;

/// Users with ids from here on have one part between them: they are those of user namespaces (subuid(5)),
/// of which one who may have such a namespace has 65,536.
const SUBORDINATE: u32 = 65_536;

/// More users than this are not remembered while they have nothing to make up for, and are looked through
/// once a second at most.
const REMEMBERED: usize = 1024;

/// The limit: one for all; half of it for all users but root, and a quarter for each of them, so that who
/// floods leaves room for others.
#[derive(Debug)]
pub(crate) struct Rate {
    all: Bucket,
    others: Bucket,
    of_user: NonZeroU64,
    users: HashMap<u32, Bucket>,
    looked_through_ns: u64,
}

impl Rate {
    /// At most this many bytes a second.
    pub(crate) fn new(limit: NonZeroU64) -> Self {
        let part = |parts| NonZeroU64::new(limit.get() / parts).unwrap_or(NonZeroU64::MIN);
        Self {
            all: Bucket::new(limit),
            others: Bucket::new(part(2)),
            of_user: part(4),
            users: HashMap::new(),
            looked_through_ns: 0,
        }
    }

    /// It is this late now.
    pub(crate) fn advance(&mut self, now_ns: u64) {
        self.all.advance(now_ns);
        self.others.advance(now_ns);
        let now_ns = self.all.now_ns;
        if self.users.len() > REMEMBERED && now_ns - self.looked_through_ns >= SECOND_NS {
            self.looked_through_ns = now_ns;
            self.users.retain(|_, user| user.written_at_limit_ns > now_ns);
        }
    }

    /// Whether another line about a call of this user's may be written, however long it is: its length is
    /// not known before it has been formatted, and one that is longer than the limit must get through at
    /// some time. What it takes too much, the next lines have to wait for.
    pub(crate) fn allows_more(&self, uid: u32) -> bool {
        let user = self.users.get(&Self::key(uid));
        let is_in_its_part = |user: &Bucket| user.owes_ns(self.all.now_ns) < BURST_NS;
        self.all.allows_more()
            && (uid == 0 || self.others.allows_more() && user.is_none_or(is_in_its_part))
    }

    /// A line of this many bytes is written, about a call of this user's.
    pub(crate) fn spend(&mut self, uid: u32, bytes: usize) {
        self.all.spend(bytes);
        if uid != 0 {
            self.others.spend(bytes);
            let limit = self.of_user;
            let user = self.users.entry(Self::key(uid)).or_insert_with(|| Bucket::new(limit));
            user.advance(self.all.now_ns);
            user.spend(bytes);
        }
    }

    fn key(uid: u32) -> u32 {
        uid.min(SUBORDINATE)
    }
}

/// A token bucket. It is kept as a time rather than as a number of tokens, so that nothing is lost in
/// rounding however often it is looked at.
#[derive(Debug)]
struct Bucket {
    /// Bytes a second.
    limit: NonZeroU64,
    /// The latest time it was told, on [`clock::KERNEL`](super::clock::KERNEL).
    now_ns: u64,
    /// When everything that was written would have been written at the limit, to the nanosecond.
    written_at_limit_ns: u64,
}

impl Bucket {
    fn new(limit: NonZeroU64) -> Self {
        Self { limit, now_ns: 0, written_at_limit_ns: 0 }
    }

    fn advance(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
    }

    fn allows_more(&self) -> bool {
        self.owes_ns(self.now_ns) < BURST_NS
    }

    /// How long what was written would still take at the limit.
    fn owes_ns(&self, now_ns: u64) -> u64 {
        self.written_at_limit_ns.saturating_sub(now_ns)
    }

    fn spend(&mut self, bytes: usize) {
        let takes_ns = (bytes as u64).saturating_mul(SECOND_NS).div_ceil(self.limit.get());
        self.written_at_limit_ns =
            self.written_at_limit_ns.max(self.now_ns).saturating_add(takes_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: usize = 400;

    fn rate(limit: u64) -> Bucket {
        Bucket::new(NonZeroU64::new(limit).unwrap())
    }

    /// How many of so many lines about calls of a user are written at this time.
    fn by_user(rate: &mut Rate, uid: u32, ms: u64, lines: usize) -> usize {
        rate.advance(ms * 1_000_000);
        let write = |_: &usize| {
            let allows_more = rate.allows_more(uid);
            if allows_more {
                rate.spend(uid, LINE);
            }
            allows_more
        };
        (0..lines).filter(write).count()
    }

    #[test]
    fn a_user_who_floods_has_a_quarter_of_the_limit() {
        // 10 lines a second, and 300 at once.
        let mut rate = Rate::new(NonZeroU64::new(4000).unwrap());
        assert_eq!(by_user(&mut rate, 1000, 60_000, 1000), 75);
        assert_eq!(by_user(&mut rate, 33, 60_000, 20), 20);
        // Two who flood have half of it; the other half is root's.
        assert_eq!(by_user(&mut rate, 1001, 60_000, 1000), 150 - 75 - 20);
        assert_eq!(by_user(&mut rate, 34, 60_000, 1), 0);
        assert_eq!(by_user(&mut rate, 0, 60_000, 1000), 150);
        // A minute later there is room for all again.
        let per_second = |second: u64| {
            let ms = 120_000 + 1000 * second;
            (by_user(&mut rate, 1000, ms, 1000), by_user(&mut rate, 0, ms, 3))
        };
        let after: Vec<_> = (0..5).map(per_second).collect();
        assert_eq!(after, [(75, 3), (3, 3), (2, 3), (3, 3), (2, 3)]);
    }

    #[test]
    fn root_can_have_all_of_it() {
        let mut rate = Rate::new(NonZeroU64::new(4000).unwrap());
        assert_eq!(by_user(&mut rate, 0, 60_000, 1000), 300);
    }

    #[test]
    fn users_of_user_namespaces_have_one_part_between_them() {
        let mut rate = Rate::new(NonZeroU64::new(4000).unwrap());
        let written: usize = (0..1000).map(|n| by_user(&mut rate, 100_000 + n, 60_000, 1)).sum();
        assert_eq!(written, 75);
    }

    #[test]
    fn users_who_have_nothing_to_make_up_for_are_forgotten() {
        let mut rate = Rate::new(NonZeroU64::new(400_000_000).unwrap());
        for uid in 1..2000 {
            by_user(&mut rate, uid, 60_000, 1);
        }
        assert_eq!(rate.users.len(), 1999);
        by_user(&mut rate, 1, 61_000, 1);
        assert_eq!(rate.users.len(), 1);
    }

    /// Has lines of so many bytes come at these times, in milliseconds. At which of them one was written.
    fn written(rate: &mut Bucket, bytes: usize, times: impl Iterator<Item = u64>) -> Vec<u64> {
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
    fn at_once(rate: &mut Bucket, ms: u64, lines: usize) -> usize {
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
