//! The books of the kinds of events besides calls: of each that is chosen, what happened while attached is
//! printed, filtered or lost.

use sigtrace_common::{Counter, kinds};

use crate::{bpf::Counters, output::Counts};

/// Such a kind: an index into [`KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A signal is sent.
    Generate = 0,
    /// A signal is taken.
    Deliver = 1,
    /// A signal ended a process.
    Exit = 2,
}

/// What there is to know of a kind.
struct Row {
    /// The event's name.
    name: &'static str,
    /// Its bit among the [kinds](sigtrace_common::kinds) that are chosen.
    bit: u32,
    /// What the kernel side left out of it.
    left_out: Counter,
    /// What it lost.
    lost: Counter,
}

const KINDS: [Row; 3] = [
    Row {
        name: "generate",
        bit: kinds::GENERATE,
        left_out: Counter::GenerateLeftOut,
        lost: Counter::GenerateLost,
    },
    Row {
        name: "deliver",
        bit: kinds::DELIVER,
        left_out: Counter::DeliverLeftOut,
        lost: Counter::DeliverLost,
    },
    Row { name: "exit", bit: kinds::EXIT, left_out: Counter::ExitLeftOut, lost: Counter::ExitLost },
];

/// A number for each kind.
pub(crate) type ByKind = [u64; KINDS.len()];

/// The names of all kinds, in the order of the books.
pub(crate) fn names() -> [&'static str; KINDS.len()] {
    KINDS.map(|row| row.name)
}

/// What became of the events of a kind, as far as they reached the agent.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    printed: u64,
    left_out: u64,
    lost: u64,
}

/// The books of all kinds.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    chosen: [bool; KINDS.len()],
    fates: [Fate; KINDS.len()],
    reported: ByKind,
}

impl Kinds {
    /// With those that are chosen: bits of [`kinds`].
    pub(crate) fn new(chosen: u32) -> Self {
        Self { chosen: KINDS.map(|row| chosen & row.bit != 0), ..Self::default() }
    }

    /// One reached the output.
    pub(crate) fn printed(&mut self, kind: Kind) {
        self.fates[kind as usize].printed += 1;
    }

    /// One reached the agent, and was not wanted.
    pub(crate) fn left_out(&mut self, kind: Kind) {
        self.fates[kind as usize].left_out += 1;
    }

    /// One reached the agent, and not the output.
    pub(crate) fn lost(&mut self, kind: Kind) {
        self.fates[kind as usize].lost += 1;
    }

    /// How many were printed.
    pub(crate) fn total_printed(&self) -> u64 {
        self.fates.iter().map(|fate| fate.printed).sum()
    }

    /// How many were lost.
    pub(crate) fn losses(&self, counters: &Counters) -> ByKind {
        let mut losses = self.fates.map(|fate| fate.lost);
        for (lost, row) in losses.iter_mut().zip(&KINDS) {
            *lost = lost.saturating_add(counters.get(row.lost));
        }
        losses
    }

    /// Those since this was last asked.
    pub(crate) fn new_losses(&mut self, counters: &Counters) -> ByKind {
        let losses = self.losses(counters);
        let reported = std::mem::replace(&mut self.reported, losses);
        std::array::from_fn(|kind| losses[kind].saturating_sub(reported[kind]))
    }

    /// What was told of losses did not reach the output: they are to be told again.
    pub(crate) fn losses_untold(&mut self, losses: ByKind) {
        for (reported, lost) in self.reported.iter_mut().zip(losses) {
            *reported = reported.saturating_sub(lost);
        }
    }

    /// These numbers of the kinds that are chosen, by name.
    pub(crate) fn named(&self, numbers: ByKind) -> Counts {
        self.chosen().map(|kind| (KINDS[kind].name, numbers[kind])).collect()
    }

    /// What became of the kinds that are chosen, by name.
    pub(crate) fn counts(&self, counters: &Counters) -> Vec<(&'static str, Counts)> {
        let losses = self.losses(counters);
        let counts = |kind: usize| {
            let Fate { printed, left_out, .. } = self.fates[kind];
            let filtered = left_out.saturating_add(counters.get(KINDS[kind].left_out));
            (KINDS[kind].name, fates(printed, filtered, losses[kind]))
        };
        self.chosen().map(counts).collect()
    }

    fn chosen(&self) -> impl Iterator<Item = usize> {
        (0..KINDS.len()).filter(|kind| self.chosen[*kind])
    }
}

/// What can become of an event of such a kind, by name.
pub(crate) fn fates(printed: u64, filtered: u64, lost: u64) -> Counts {
    vec![("printed", printed), ("filtered", filtered), ("lost", lost)]
}
