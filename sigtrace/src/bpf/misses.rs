//! Calls that the kernel made past the programs.
//!
//! While a program runs on a processor the kernel does not begin it a second time there. Where it
//! runs with preemption on, as those of trampolines do, another thread may come to the same
//! function meanwhile, and its call is not seen. The kernel counts that (`recursion_misses` of
//! `struct bpf_prog_info`, `include/uapi/linux/bpf.h`): for trampolines since 5.12, before which
//! programs were begun a second time; for kprobes since 6.7, whose programs run with preemption
//! off, so that it is only when the thread that was interrupted is in the midst of bpf(2) itself.
//!
//! A session without a slot for the return misses the call, which its link counts (from 6.7).

use std::os::fd::{AsFd as _, OwnedFd};

use super::sys;

/// The entry programs, and the links to many functions, to be asked how often they were skipped.
#[derive(Debug, Default)]
pub struct Misses {
    programs: Vec<OwnedFd>,
    links: Vec<OwnedFd>,
    /// How many there were before the tracing began.
    before: u64,
}

impl Misses {
    pub(crate) fn of(programs: Vec<OwnedFd>, links: Vec<OwnedFd>) -> Self {
        Self { programs, links, before: 0 }
    }

    /// The tracing begins: only what is skipped from here on counts.
    pub fn start(&mut self) {
        self.before = self.all();
    }

    /// The sum over all programs and links. Costs a system call each.
    pub fn total(&self) -> u64 {
        self.all().saturating_sub(self.before)
    }

    fn all(&self) -> u64 {
        // A kernel that does not count leaves the member as it was.
        let programs = self
            .programs
            .iter()
            .map(|program| sys::program_info(program.as_fd()).map(|info| info.recursion_misses));
        let links = self.links.iter().map(|link| sys::link_misses(link.as_fd()));
        let misses = programs.chain(links).map(|misses| {
            misses.unwrap_or_else(|error| {
                tracing::debug!("cannot query how often a program was skipped: {error}");
                0
            })
        });
        misses.fold(0, u64::saturating_add)
    }
}
