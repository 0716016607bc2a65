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

/// How long between two looks at most: they cost about a microsecond for each thread that the machine
/// can have …
const LONGEST: Duration = Duration::from_secs(1);
/// … and at least, however little calls may take that wait.
const SHORTEST: Duration = Duration::from_millis(50);

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
        let apart = unfinished_after.map_or(LONGEST, |after| (after / 2).clamp(SHORTEST, LONGEST));
        Self { unfinished_after, apart, due: Instant::now() + apart }
    }

    /// Whether it is time for the next.
    pub(crate) fn is_due(&self) -> bool {
        self.due <= Instant::now()
    }

    /// Looks, and tells of what is found. If it is given up midway, what is left is still in its slots.
    pub(crate) async fn run(&mut self, kernel: &mut Kernel, pump: &mut Pump) -> io::Result<()> {
        self.due = Instant::now() + self.apart;
        let now = now_ns(clock::KERNEL);
        let before = |after: Duration| {
            now.saturating_sub(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX))
        };
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
        let under_way: HashSet<_> =
            all.into_iter().map(|(tid, entered_ns)| CallKey { tid, entered_ns }).collect();
        pump.retain_told(&under_way);
        pump.flush().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_often_enough_for_calls_that_are_told_of_early() {
        let apart = |after| Sweep::new(after).apart;
        assert_eq!(apart(None), LONGEST);
        assert_eq!(apart(Some(Duration::from_secs(60))), LONGEST);
        assert_eq!(apart(Some(Duration::from_millis(500))), Duration::from_millis(250));
        assert_eq!(apart(Some(Duration::ZERO)), SHORTEST);
    }
}
