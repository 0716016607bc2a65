//! What there is to say of each process.

use super::{
    fate::{Fate, inherited_from},
    processes::{Process, Processes},
};
use crate::names::signal;

/// A process, and what becomes of signals that are sent to it.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) process: Process,
    /// Its parent, if that can be seen.
    pub(super) parent: Option<Process>,
    /// Who traces it.
    pub(super) tracer: Option<Process>,
    /// The signals, by their numbers.
    pub(super) signals: Vec<Signal>,
}

/// What becomes of a signal.
#[derive(Debug)]
pub(super) struct Signal {
    pub(super) signo: i32,
    /// Whether one is pending.
    pub(super) is_pending: bool,
    pub(super) fate: Fate,
    /// The farthest ancestor that has it blocked or ignored, too.
    pub(super) inherited_from: Option<Process>,
}

impl Report {
    /// What is to be said of these signals, and of those that are pending; `None` if there is no such process
    /// any more.
    pub(super) fn of(pid: u32, signals: u64, processes: &mut Processes) -> Option<Self> {
        let process = processes.get(pid)?.clone();
        let wanted = signals | process.pending();
        let signals = (1..=signal::MAX).filter(|signo| wanted & 1 << (signo - 1) != 0);
        let signals = signals.map(|signo| Signal::of(signo, &process, processes)).collect();
        let (parent, tracer) = (process.status.ppid, process.status.tracer);
        Some(Self {
            parent: processes.get(parent).cloned(),
            tracer: processes.get(tracer).cloned(),
            signals,
            process,
        })
    }

    /// Leaves out what is as it is with most processes. Says whether anything is left.
    pub(super) fn retain_remarkable(&mut self) -> bool {
        self.signals.retain(|signal| signal.is_pending || signal.fate.is_none());
        !self.signals.is_empty()
    }
}

impl Signal {
    fn of(signo: i32, process: &Process, processes: &mut Processes) -> Self {
        let fate = Fate::of(signo, process);
        Self {
            signo,
            is_pending: process.pending() & 1 << (signo - 1) != 0,
            fate,
            inherited_from: inherited_from(signo, fate, process, processes),
        }
    }
}
