//! Noticing that probes have fallen silent.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use sigtrace_common::SYSCALLS;
use tokio::time::Instant;

use super::{
    clock::now_ns,
    pump::Pump,
    trials::{Outcome, Trials},
};
use crate::bpf::{Kernel, Mechanism};

/// How long between two trials.
const APART: Duration = Duration::from_secs(5);

/// The trials, and what they last said.
#[derive(Debug)]
pub(crate) struct Watch {
    trials: Trials,
    due: Instant,
    /// When the probes last answered, on the wall clock; before the first trial, when it was made.
    answered_ns: u64,
    blind: Option<Blind>,
}

/// A time in which some probes do not answer.
#[derive(Debug)]
struct Blind {
    since_ns: u64,
    syscalls: Vec<&'static str>,
    reason: String,
}

impl Watch {
    /// Of the calls that are probed by these.
    pub(crate) fn new(mechanisms: &BTreeMap<usize, Mechanism>) -> Self {
        Self {
            trials: Trials::new(mechanisms),
            due: Instant::now(),
            answered_ns: now_ns(libc::CLOCK_REALTIME),
            blind: None,
        }
    }

    /// Whether it is time for the next trial.
    pub(crate) fn is_due(&self) -> bool {
        self.due <= Instant::now()
    }

    /// Makes the first trial, and says which probes cannot be tried.
    pub(crate) fn begin(&mut self, kernel: &mut Kernel, pump: &mut Pump) -> Result<()> {
        let outcome = self.run(kernel, pump)?;
        if !outcome.unchecked.is_empty() {
            let names = outcome.unchecked.iter().filter_map(|&row| Some(SYSCALLS.get(row)?.name));
            let names: Vec<_> = names.collect();
            tracing::info!("whether their probes answer is not checked: {}", names.join(", "));
        }
        Ok(())
    }

    /// Makes a trial. If probes have fallen silent, or answer again, the stream and the log say so.
    pub(crate) fn run(&mut self, kernel: &mut Kernel, pump: &mut Pump) -> Result<Outcome> {
        self.due = Instant::now() + APART;
        let outcome = self.trials.run(kernel)?;
        let now_ns = now_ns(libc::CLOCK_REALTIME);
        let syscalls = outcome.silent_names();
        if let Some(blind) = self.blind.take_if(|blind| blind.syscalls != syscalls) {
            tracing::warn!("probes answer again: {}", blind.syscalls.join(", "));
            pump.report_blind(blind.since_ns, Some(now_ns), blind.syscalls, blind.reason);
        }
        if syscalls.is_empty() {
            self.answered_ns = now_ns;
        } else if self.blind.is_none() {
            let reason = outcome.reason.clone().unwrap_or_default();
            tracing::warn!("nothing is seen of {}: {reason}", syscalls.join(", "));
            let since_ns = self.answered_ns;
            pump.report_blind(since_ns, None, syscalls.clone(), reason.clone());
            self.blind = Some(Blind { since_ns, syscalls, reason });
        }
        Ok(outcome)
    }
}
