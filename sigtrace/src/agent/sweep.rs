//! Looking for calls that have been under way for too long not to be told of.

use std::{collections::HashSet, io, time::Duration};

use tokio::time::Instant;

use super::{
    clock::{self, now_ns},
    pump::Pump,
};
use crate::{
    bpf::{Kernel, Overdue},
    decode::CallKey,
    options::OVERDUE,
};

/// How long between two looks while a call is under way that may have to be told of: they cost a
/// microsecond or two for each thread that the machine can have …
const LONGEST: Duration = Duration::from_secs(1);
/// … and at least, however little calls may take that wait.
const SHORTEST: Duration = Duration::from_millis(50);
/// And so long while none is: what begins after a look is told of within a second of being overdue.
const IDLE: Duration = OVERDUE.saturating_add(LONGEST);

/// The looks.
#[derive(Debug)]
pub(crate) struct Sweep {
    unfinished_after: Option<Duration>,
    apart: Duration,
    due: Instant,
}

impl Sweep {
    /// Calls that wait are told of after so long, if at all.
    pub(crate) fn new(unfinished_after: Option<Duration>) -> Self {
        let apart = unfinished_after.map_or(IDLE, |after| (after / 2).clamp(SHORTEST, LONGEST));
        Self { unfinished_after, apart, due: Instant::now() + apart }
    }

    /// How long until the next look, if these calls are under way: the first of them is looked at when
    /// it is overdue, or within a second of that.
    fn wait(&self, now_ns: u64, under_way: &[(u32, u64)]) -> Duration {
        if self.unfinished_after.is_some() {
            return self.apart;
        }
        let told_before_ns = now_ns.saturating_sub(nanoseconds(OVERDUE));
        let young = under_way.iter().filter_map(|(_, entered_ns)| {
            // 0 is one that is about to be overdue.
            entered_ns.checked_sub(told_before_ns)
        });
        young.min().map_or(self.apart, Duration::from_nanos).clamp(LONGEST, IDLE)
    }

    /// Whether it is time for the next.
    pub(crate) fn is_due(&self) -> bool {
        self.due <= Instant::now()
    }

    /// Looks, and tells of what is found. If it is given up midway, what is left is still in its slots.
    pub(crate) async fn run(&mut self, kernel: &mut Kernel, pump: &mut Pump) -> io::Result<()> {
        let begun = Instant::now();
        self.due = begun + self.apart;
        let now = now_ns(clock::KERNEL);
        let before = |after| now.saturating_sub(nanoseconds(after));
        let overdue = Overdue {
            entered_before_ns: before(OVERDUE),
            waiting_before_ns: self.unfinished_after.map(before),
        };
        let (late, all) = kernel.slots().overdue(overdue)?;
        for record in &late {
            pump.tell_unfinished(record);
            if pump.is_full() {
                pump.flush().await?;
            }
        }
        self.due = begun + self.wait(now, &all);
        let under_way: HashSet<_> =
            all.into_iter().map(|(tid, entered_ns)| CallKey { tid, entered_ns }).collect();
        pump.retain_told(&under_way);
        pump.flush().await
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_often_enough_for_calls_that_are_told_of_early() {
        let apart = |after| Sweep::new(after).apart;
        assert_eq!(apart(None), IDLE);
        assert_eq!(apart(Some(Duration::from_secs(60))), LONGEST);
        assert_eq!(apart(Some(Duration::from_millis(500))), Duration::from_millis(250));
        assert_eq!(apart(Some(Duration::ZERO)), SHORTEST);
    }

    #[test]
    fn it_looks_again_when_a_call_is_overdue_and_no_earlier_than_in_a_second() {
        let sweep = Sweep::new(None);
        let wait = |ages: &[u64]| {
            let now_ns = 60_000_000_000;
            let calls: Vec<_> = ages.iter().map(|ms| (1, now_ns - ms * 1_000_000)).collect();
            sweep.wait(now_ns, &calls).as_millis()
        };
        assert_eq!(wait(&[]), 3000);
        assert_eq!(wait(&[0]), 2000);
        assert_eq!(wait(&[300]), 1700);
        assert_eq!(wait(&[300, 700, 20]), 1300);
        assert_eq!(wait(&[1500]), 1000);
        assert_eq!(wait(&[2000]), 1000);
        // Told of, or waiting.
        assert_eq!(wait(&[2001]), 3000);
        assert_eq!(wait(&[2001, 300]), 1700);
    }

    #[test]
    fn calls_that_are_told_of_early_are_looked_for_whatever_is_under_way() {
        let sweep = Sweep::new(Some(Duration::from_millis(500)));
        assert_eq!(sweep.wait(60_000_000_000, &[(1, 60_000_000_000)]), sweep.apart);
    }
}
