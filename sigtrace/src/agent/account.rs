//! What became of every call: printed, filtered, merged or lost.

use std::collections::BTreeMap;

use sigtrace_common::{Counter, SYSCALLS};

use super::kinds::{ByKind, Kind, Kinds};
use crate::{
    bpf::{Counters, Mechanism, Misses},
    decode::Holes,
    options::Step,
    output::{Counts, Stats},
};

/// The calls of which nothing was printed, by cause. A sum that is more than there are numbers is
/// the largest of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// The ring had no room.
    pub(crate) ring_full: u64,
    /// The user was beyond its share of a ring that was filling, and the call could not be merged.
    pub(crate) over_share: u64,
    /// No slot was left for one more thread.
    pub(crate) pending_full: u64,
    /// The caller's registers could not be read.
    pub(crate) registers_unreadable: u64,
    /// The kernel skipped the program, which was running on that processor already.
    pub(crate) probe_missed: u64,
    /// The record could not be decoded.
    pub(crate) undecodable: u64,
    /// The line was never taken by who reads the output, or the disk had no room for it.
    pub(crate) output: u64,
    /// There were more lines than `--max-output-rate` allows.
    pub(crate) rate_limited: u64,
}

impl Losses {
    pub(crate) fn total(self) -> u64 {
        self.causes().into_iter().fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// Each cause by name, the two that happen first.
    pub(crate) fn causes(self) -> Counts {
        let Self {
            ring_full,
            over_share,
            pending_full,
            registers_unreadable,
            probe_missed,
            undecodable,
            output,
            rate_limited,
        } = self;
        vec![
            ("ring_full", ring_full),
            ("over_share", over_share),
            ("pending_full", pending_full),
            ("registers_unreadable", registers_unreadable),
            ("probe_missed", probe_missed),
            ("undecodable", undecodable),
            ("output", output),
            ("rate_limited", rate_limited),
        ]
    }

    fn since(self, before: Self) -> Self {
        Self {
            ring_full: self.ring_full.saturating_sub(before.ring_full),
            over_share: self.over_share.saturating_sub(before.over_share),
            pending_full: self.pending_full.saturating_sub(before.pending_full),
            registers_unreadable: self
                .registers_unreadable
                .saturating_sub(before.registers_unreadable),
            probe_missed: self.probe_missed.saturating_sub(before.probe_missed),
            undecodable: self.undecodable.saturating_sub(before.undecodable),
            output: self.output.saturating_sub(before.output),
            rate_limited: self.rate_limited.saturating_sub(before.rate_limited),
        }
    }
}

/// What was lost since the last time that was told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewLosses {
    /// Calls.
    pub(crate) calls: Losses,
    /// Late returns.
    pub(crate) returns: u64,
    /// Events of other kinds.
    pub(crate) others: ByKind,
}

/// The calls printed with a hole, by what is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Incomplete {
    return_missed: u64,
    unfinished: u64,
    unreadable: u64,
    read_late: u64,
}

impl Incomplete {
    fn add(&mut self, holes: Holes) {
        self.return_missed += u64::from(holes.return_missed);
        self.unfinished += u64::from(holes.unfinished);
        self.unreadable += u64::from(holes.unreadable);
        self.read_late += u64::from(holes.read_late);
    }

    /// Each hole by name.
    pub(crate) fn holes(self) -> Counts {
        let Self { return_missed, unfinished, unreadable, read_late } = self;
        vec![
            ("return_missed", return_missed),
            ("unfinished", unfinished),
            ("unreadable", unreadable),
            ("read_late", read_late),
        ]
    }
}

/// What became of the returns of calls that were printed as unfinished. As the calls are in the sum
/// already, these are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Returns {
    printed: u64,
    lost: u64,
}

impl Returns {
    /// What became of them, by name.
    pub(crate) fn counts(self) -> Counts {
        let Self { printed, lost } = self;
        vec![("printed", printed), ("lost", lost)]
    }
}

/// The books. Calls made while attached = printed + filtered + merged + lost; of other kinds of events
/// likewise, without any that are merged.
#[derive(Debug)]
pub(crate) struct Account {
    counters: Counters,
    misses: Misses,
    /// As of when that was last asked, for that costs.
    probe_missed: u64,
    printed: [u64; SYSCALLS.len()],
    incomplete: Incomplete,
    returns: Returns,
    left_out: u64,
    merged: u64,
    /// The events that they were merged into.
    repeated: u64,
    undecodable: u64,
    output: u64,
    rate_limited: u64,
    reported: Losses,
    reported_returns: u64,
    /// The books of other kinds of events.
    pub(crate) others: Kinds,
}

impl Account {
    pub(crate) fn new(counters: Counters, misses: Misses, others: Kinds) -> Self {
        Self {
            counters,
            misses,
            probe_missed: 0,
            printed: [0; SYSCALLS.len()],
            incomplete: Incomplete::default(),
            returns: Returns::default(),
            left_out: 0,
            merged: 0,
            repeated: 0,
            undecodable: 0,
            output: 0,
            rate_limited: 0,
            reported: Losses::default(),
            reported_returns: 0,
            others,
        }
    }

    /// Asks the kernel how often it skipped a program.
    pub(crate) fn ask_for_misses(&mut self) {
        // One that could not be asked counts as none: the sum must not fall.
        self.probe_missed = self.probe_missed.max(self.misses.total());
    }

    /// A call of `row` reached the output.
    pub(crate) fn printed(&mut self, row: usize, holes: Holes) {
        self.printed[row] += 1;
        self.incomplete.add(holes);
    }

    /// The return of a call that was printed as unfinished reached the output.
    pub(crate) fn return_printed(&mut self) {
        self.returns.printed += 1;
    }

    /// The return of such a call did not.
    pub(crate) fn return_lost(&mut self) {
        self.returns.lost += 1;
    }

    /// So many calls that reached the agent were not wanted.
    pub(crate) fn left_out(&mut self, calls: u64) {
        self.left_out += calls;
    }

    /// An event into which so many calls were merged reached the output.
    pub(crate) fn repeated(&mut self, calls: u64) {
        self.repeated += 1;
        self.merged = self.merged.saturating_add(calls);
    }

    /// How many events calls were merged into, and how many calls.
    pub(crate) fn merged(&self) -> (u64, u64) {
        (self.repeated, self.merged)
    }

    /// How many calls programs have merged, or lost for want of room in the ring.
    pub(crate) fn merged_or_lost(&self) -> u64 {
        [Counter::Merged, Counter::OverShare, Counter::RingFull]
            .map(|counter| self.counters.get(counter))
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// The records of so many calls were none.
    pub(crate) fn undecodable(&mut self, calls: u64) {
        self.undecodable = self.undecodable.saturating_add(calls);
    }

    /// So many calls did not reach the output.
    pub(crate) fn not_written(&mut self, calls: u64) {
        self.output = self.output.saturating_add(calls);
    }

    /// A call was over the limit of bytes a second.
    pub(crate) fn rate_limited(&mut self, calls: u64) {
        self.rate_limited = self.rate_limited.saturating_add(calls);
    }

    /// How many events were printed that have an id: calls, and those of other kinds.
    pub(crate) fn total_printed(&self) -> u64 {
        self.printed.iter().sum::<u64>() + self.others.total_printed()
    }

    /// How many calls and events of other kinds were lost.
    pub(crate) fn total_lost(&self) -> u64 {
        let others = self.others.losses(&self.counters);
        others.into_iter().fold(self.losses().total(), u64::saturating_add)
    }

    /// How many signals that were sent were lost.
    pub(crate) fn lost_signals(&self) -> u64 {
        self.others.losses(&self.counters)[Kind::Generate as usize]
    }

    /// How many of them the kernel side has lost.
    pub(crate) fn signals_unseen(&self) -> u64 {
        self.counters.get(Counter::GenerateLost)
    }

    /// What became of events of other kinds.
    pub(crate) fn fates_of_others(&self) -> Vec<(&'static str, Counts)> {
        self.others.counts(&self.counters)
    }

    pub(crate) fn filtered(&self) -> u64 {
        self.left_out_at()
            .into_iter()
            .map(|(_, calls)| calls)
            .fold(self.left_out, u64::saturating_add)
    }

    /// How many calls the kernel side left out at each of its steps.
    pub(crate) fn left_out_at(&self) -> [(Step, u64); 3] {
        [
            (Step::Caller, Counter::LeftOutByCaller),
            (Step::Arguments, Counter::LeftOutByArguments),
            (Step::Outcome, Counter::LeftOutByOutcome),
        ]
        .map(|(step, counter)| (step, self.counters.get(counter)))
    }

    /// How many processes and threads were to be followed and are not.
    pub(crate) fn not_followed(&self) -> u64 {
        self.counters.get(Counter::NotFollowed)
    }

    /// How many records of processes that come, go or change were lost.
    pub(crate) fn processes_lost(&self) -> u64 {
        self.counters.get(Counter::ProcessLost)
    }

    pub(crate) fn losses(&self) -> Losses {
        Losses {
            ring_full: self.counters.get(Counter::RingFull),
            over_share: self.counters.get(Counter::OverShare),
            pending_full: self.counters.get(Counter::PendingFull),
            registers_unreadable: self.counters.get(Counter::RegistersUnreadable),
            probe_missed: self.probe_missed,
            undecodable: self.undecodable,
            output: self.output,
            rate_limited: self.rate_limited,
        }
    }

    fn returns(&self) -> Returns {
        let Returns { printed, lost } = self.returns;
        Returns { printed, lost: self.counters.get(Counter::ReturnLost).saturating_add(lost) }
    }

    /// How many returns were lost of calls that were printed as unfinished.
    pub(crate) fn returns_lost(&self) -> u64 {
        self.returns().lost
    }

    /// The losses since this was last asked, if there are any.
    pub(crate) fn new_losses(&mut self) -> Option<NewLosses> {
        let (losses, returns) = (self.losses(), self.returns_lost());
        let new = NewLosses {
            calls: losses.since(self.reported),
            returns: returns.saturating_sub(self.reported_returns),
            others: self.others.new_losses(&self.counters),
        };
        (self.reported, self.reported_returns) = (losses, returns);
        let any = new.calls.total() > 0 || new.returns > 0 || new.others.iter().any(|n| *n > 0);
        any.then_some(new)
    }

    /// What was told of losses did not reach the output: they are to be told again.
    pub(crate) fn losses_untold(&mut self, untold: NewLosses) {
        self.reported = self.reported.since(untold.calls);
        self.reported_returns = self.reported_returns.saturating_sub(untold.returns);
        self.others.losses_untold(untold.others);
    }

    /// The totals.
    pub(crate) fn stats(
        &self,
        time_ns: u64,
        elapsed_ns: u64,
        mechanisms: &BTreeMap<usize, Mechanism>,
    ) -> Stats {
        let name = |row: usize| SYSCALLS[row].name;
        Stats {
            time_ns,
            elapsed_ns,
            printed: mechanisms.keys().map(|&row| (name(row), self.printed[row])).collect(),
            filtered: self.filtered(),
            merged: self.merged,
            lost: self.losses().causes(),
            incomplete: self.incomplete.holes(),
            returns: self.returns().counts(),
            events: self.fates_of_others(),
            context: Counts::new(),
            probes: mechanisms.iter().map(|(&row, how)| (name(row), how.name())).collect(),
        }
    }
}
