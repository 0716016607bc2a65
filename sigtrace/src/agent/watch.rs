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
    /// When the last trial was made, on the wall clock: all answered then that are not silent.
    tried_ns: u64,
    blind: Vec<Blind>,
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
            tried_ns: now_ns(libc::CLOCK_REALTIME),
            blind: Vec::new(),
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
            tracing::info!("probes that cannot be checked: {}", names.join(", "));
        }
        Ok(())
    }

    /// Makes a trial. If probes have fallen silent, or answer again, the stream and the log say so.
    pub(crate) fn run(&mut self, kernel: &mut Kernel, pump: &mut Pump) -> Result<Outcome> {
        self.due = Instant::now() + APART;
        let outcome = self.trials.run(kernel)?;
        let now_ns = now_ns(libc::CLOCK_REALTIME);
        let silent = outcome.silent_names();
        for blind in &mut self.blind {
            let (still, answering) =
                blind.syscalls.iter().partition::<Vec<_>, _>(|name| silent.contains(name));
            if !answering.is_empty() {
                tracing::warn!("probes answer again: {}", answering.join(", "));
                pump.report_blind(blind.since_ns, Some(now_ns), answering, blind.reason.clone());
            }
            blind.syscalls = still;
        }
        self.blind.retain(|blind| !blind.syscalls.is_empty());
        let known: Vec<_> = self.blind.iter().flat_map(|blind| &blind.syscalls).collect();
        let fallen: Vec<_> = silent.iter().filter(|name| !known.contains(name)).copied().collect();
        if !fallen.is_empty() {
            let reason = outcome.reason.clone().unwrap_or_default();
            tracing::warn!("cannot see calls of {}: {reason}", fallen.join(", "));
            let since_ns = self.tried_ns;
            pump.report_blind(since_ns, None, fallen.clone(), reason.clone());
            self.blind.push(Blind { since_ns, syscalls: fallen, reason });
        }
        self.tried_ns = now_ns;
        Ok(outcome)
    }
}
