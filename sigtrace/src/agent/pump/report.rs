//! What there is to say of the stream itself: losses, blind times, totals.

use std::{collections::BTreeMap, io};

use super::Pump;
use crate::{
    agent::{
        clock::{self, now_ns},
        culprits,
        entry::Entry,
        known::Known,
    },
    bpf::Mechanism,
    output::{Blind, Event, Lost, Stats},
};

/// While losses go on they are told this often: the first at once, the others added up.
const LOSSES_APART_NS: u64 = 250_000_000;

impl Pump {
    /// Tells of losses as [`report_losses`](Self::report_losses) does, but not again at once.
    pub(crate) fn report_losses_now_and_then(&mut self) {
        let now = now_ns(clock::KERNEL);
        if now >= self.misses_due_ns {
            self.account.ask_for_misses();
            self.misses_due_ns = now + LOSSES_APART_NS;
        }
        if let Some(known) = &mut self.known {
            known.tidy(now, self.account.processes_lost());
        }
        if now >= self.losses_due_ns && self.report_losses() {
            self.losses_due_ns = now + LOSSES_APART_NS;
        }
    }

    /// Tells of losses since the last time. Says whether there were any.
    pub(crate) fn report_losses(&mut self) -> bool {
        let Some(losses) = self.account.new_losses() else { return false };
        let whose = self.crowd.take_losses();
        let time_ns = now_ns(libc::CLOCK_REALTIME);
        let most = culprits::most(&whose);
        let lost = Lost {
            time_ns,
            causes: losses.calls.causes(),
            returns: losses.returns,
            events: self.account.others.named(losses.others),
            most,
        };
        self.line(Event::Lost(&lost), Entry::Lost(Box::new((losses, whose))));
        true
    }

    /// Tells of a time in which no probe of these syscalls answered: since when, until when if they
    /// do again, and why. It is numbered among calls and returns, and is none of them to the books.
    pub(crate) fn report_blind(
        &mut self,
        since_ns: u64,
        until_ns: Option<u64>,
        syscalls: Vec<&'static str>,
        reason: String,
    ) {
        let time_ns = now_ns(libc::CLOCK_REALTIME);
        let seq = self.queue.next_seq();
        let blind = Blind { time_ns, seq, since_ns, until_ns, syscalls, reason };
        self.line(Event::Blind(&blind), Entry::None);
    }

    /// Tells the totals.
    pub(crate) fn report_stats(&mut self, mechanisms: &BTreeMap<usize, Mechanism>) {
        let stats = self.stats(mechanisms);
        self.line(Event::Stats(&stats), Entry::None);
    }

    /// The line of the totals, which is to be written elsewhere.
    pub(crate) fn totals(
        &mut self,
        mechanisms: &BTreeMap<usize, Mechanism>,
    ) -> io::Result<Vec<u8>> {
        let stats = self.stats(mechanisms);
        self.queue.format(Event::Stats(&stats))
    }

    /// What is not known of processes: see [`Known::unknown`].
    pub(crate) fn unknown(&self) -> [u64; 2] {
        self.known.as_ref().map_or([0; 2], Known::unknown)
    }

    pub(super) fn stats(&self, mechanisms: &BTreeMap<usize, Mechanism>) -> Stats {
        let elapsed = now_ns(clock::KERNEL) - self.started_ns;
        let lost = self.account.processes_lost();
        let context = self.known.as_ref().map_or_else(Default::default, |it| it.counts(lost));
        let stats = self.account.stats(now_ns(libc::CLOCK_REALTIME), elapsed, mechanisms);
        Stats { context, ..stats }
    }
}
