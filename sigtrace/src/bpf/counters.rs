//! The kernel side's counters, mapped into our memory.

use std::{
    io,
    os::fd::AsFd,
    sync::atomic::{AtomicU64, Ordering},
};

use sigtrace_common::Counter;

use super::mapping::Mapping;

/// Reading costs no system call, so the agent can look as often as it likes.
#[derive(Debug)]
pub struct Counters(Mapping<sigtrace_common::Counters>);

impl Counters {
    /// Maps the array behind `map`, which has an element for each of `processors`.
    pub fn map(map: impl AsFd, processors: usize) -> io::Result<Self> {
        Ok(Self(Mapping::read_only(map, processors)?))
    }

    /// The sum of a counter over all processors, or the largest number if it is more than that.
    pub fn get(&self, counter: Counter) -> u64 {
        (0..self.0.number())
            .map(|processor| {
                // SAFETY: inside the element, aligned, and only ever accessed atomically.
                unsafe {
                    let counters = self.0.element(processor).cast::<u64>();
                    AtomicU64::from_ptr(counters.add(counter as usize).as_ptr())
                        .load(Ordering::Relaxed)
                }
            })
            .fold(0, u64::saturating_add)
    }
}
