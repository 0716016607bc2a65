//! The kernel side: loading the programs, attaching them, reading what they left behind.

mod attach;
mod counters;
mod fentry;
mod kprobe;
mod load;
mod mechanism;
mod misses;
mod offsets;
pub mod outlook;
pub mod support;
mod trampolines;
mod types;
mod verifier;

use std::{collections::HashMap, fs::File};

use sigtrace_common::Config;

pub use attach::Probes;
pub use counters::Counters;
pub use load::{Kernel, RecordBytes, load};
pub use mechanism::{Mechanism, Policy};
pub use misses::Misses;

/// What to trace, as the kernel side is told.
#[derive(Debug)]
pub struct Selection {
    /// Rows of the syscall table to attach to.
    pub rows: Vec<usize>,
    /// By which mechanisms.
    pub policy: Policy,
    /// The filter. `offsets` and `wakeup_bytes` are filled in while loading.
    pub config: Config,
    /// Selected processes and their [sides](sigtrace_common::side).
    pub pids: HashMap<u32, u32>,
    /// Selected calling threads.
    pub tids: Vec<u32>,
    /// Selected callers' user ids.
    pub uids: Vec<u32>,
    /// Selected callers' names, NUL-padded.
    pub comms: Vec<[u8; 16]>,
    /// The directory of the selected control group.
    pub cgroup: Option<File>,
    /// Bytes of the ring: a power of two, at least a page.
    pub ring_size: u32,
}
