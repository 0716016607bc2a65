//! Calls that the programs merged, and whose the lost ones were, on their way to the stream.
//!
//! Programs write into one of two generations. Now and then they are told to use the other; once none of
//! them can be at the first any more, it is read and cleared. So no call is counted twice, or not at all.

use std::{io, time::Duration};

use anyhow::Result;
use sigtrace_common::crowd::Entry;
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::Instant,
};

use super::{
    culprits::{Culprits, Losses},
    pump::Pump,
};
use crate::bpf::{self, Kernel};

/// Merged calls are told of this often.
const APART: Duration = Duration::from_secs(1);

/// Both generations.
#[derive(Debug)]
pub(crate) struct Crowd {
    map: bpf::Crowd,
    culprits: Culprits,
    /// The generation that programs use.
    generation: u32,
    /// When the next one may begin.
    due: Instant,
    /// How many calls were merged or lost when this one began.
    counted: u64,
    /// Waits until no program uses the last one any more.
    waiting: Option<JoinHandle<Result<()>>>,
}

impl Crowd {
    pub(crate) fn new(map: bpf::Crowd) -> Self {
        Self {
            map,
            culprits: Culprits::default(),
            generation: 0,
            due: Instant::now(),
            counted: 0,
            waiting: None,
        }
    }

    /// Whose calls were lost since this was last asked.
    pub(crate) fn take_losses(&mut self) -> Losses {
        self.culprits.take(&self.map, self.generation)
    }

    /// Takes note of lost calls that the programs did not lose, or that are to be told of again.
    pub(crate) fn add_losses(&mut self, losses: impl IntoIterator<Item = (Entry, u64)>) {
        self.culprits.add(losses);
    }

    /// Begins a new generation if the last one is done with, it is time, and there is anything in this
    /// one, `counted` being how many calls were merged or lost so far. Returns what was merged in the last
    /// one, once.
    pub(crate) async fn turn(
        &mut self,
        kernel: &mut Kernel,
        counted: u64,
    ) -> io::Result<Vec<Entry>> {
        if let Some(waiting) = self.waiting.take_if(|waiting| waiting.is_finished()) {
            waiting.await.map_err(io::Error::other)?.map_err(io::Error::other)?;
            return Ok(self.take(self.generation.wrapping_sub(1)));
        }
        if self.waiting.is_none() && counted > self.counted && self.due <= Instant::now() {
            let grace = kernel.grace().map_err(io::Error::other)?;
            let next = self.generation.wrapping_add(1);
            kernel.set_generation(next).map_err(io::Error::other)?;
            self.generation = next;
            (self.counted, self.due) = (counted, Instant::now() + APART);
            self.waiting = Some(spawn_blocking(move || grace.wait()));
        }
        Ok(Vec::new())
    }

    /// What was merged in both, once the programs do nothing any more.
    pub(crate) fn take_all(&mut self) -> Vec<Entry> {
        let last = self.take(self.generation.wrapping_sub(1));
        [last, self.take(self.generation)].concat()
    }

    fn take(&mut self, generation: u32) -> Vec<Entry> {
        let merged = self.map.merged(generation).collect();
        self.culprits.carry(&self.map, generation);
        self.map.clear(generation);
        merged
    }
}

/// Tells of merged calls now and then.
pub(crate) async fn turn(kernel: &mut Kernel, pump: &mut Pump) -> io::Result<()> {
    let counted = pump.account.merged_or_lost();
    let merged = pump.crowd.turn(kernel, counted).await?;
    pump.add_merged(merged);
    pump.tell_merged().await
}
