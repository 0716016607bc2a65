//! The map `CROWD`, mapped into our memory: calls that programs merged, or counted as lost by whose they
//! were ([`sigtrace_common::crowd`]).

use std::{io, os::fd::AsFd};

use sigtrace_common::crowd::{ENTRIES, Entry};

use super::mapping::Mapping;

/// The entries of both generations. While one looks into a map by bpf(2), the kernel skips programs on its
/// processor, and who is preempted there makes it skip many: so not by that.
#[derive(Debug)]
pub struct Crowd(Mapping<Entry>);

impl Crowd {
    /// Maps the array behind `map`.
    pub fn map(map: impl AsFd) -> io::Result<Self> {
        Ok(Self(Mapping::new(map, 2 * ENTRIES)?))
    }

    /// The merged calls of a generation.
    pub fn merged(&self, generation: u32) -> impl Iterator<Item = Entry> {
        self.entries(generation).filter(|entry| entry.count > 0)
    }

    /// The lost ones of a generation, each with its index.
    pub fn lost(&self, generation: u32) -> impl Iterator<Item = (usize, Entry)> {
        self.entries(generation).enumerate().filter(|(_, entry)| entry.lost > 0)
    }

    /// Makes room in a generation that no program uses any more.
    pub fn clear(&mut self, generation: u32) {
        // SAFETY: inside the mapping, which has as many entries from there on; nobody else accesses them.
        unsafe { self.0.element(first(generation)).write_bytes(0, ENTRIES) };
    }

    fn entries(&self, generation: u32) -> impl Iterator<Item = Entry> {
        (0..ENTRIES).map(move |index| {
            let entry = self.0.element(first(generation) + index);
            // SAFETY: inside the mapping, and integers only; volatile, as programs change them. What they
            // have counted has been written before.
            unsafe { entry.read_volatile() }
        })
    }
}

fn first(generation: u32) -> usize {
    (generation & 1) as usize * ENTRIES
}
