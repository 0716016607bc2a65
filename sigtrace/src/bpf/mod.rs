//! The kernel side: loading the programs, attaching them, reading what they left behind.

pub mod abilities;
mod attach;
mod clock;
mod code;
mod counters;
mod crowd;
mod descendants;
mod features;
mod fentry;
mod global;
mod grace;
mod kprobe;
mod load;
mod machine;
mod mapping;
mod mechanism;
mod members;
mod misses;
mod multi;
mod object;
mod offsets;
pub mod outlook;
mod plan;
mod preemption;
mod refusal;
mod slots;
mod specialize;
pub mod support;
mod sys;
mod types;

use std::{collections::HashMap, fs::File, path::PathBuf};

use sigtrace_common::Config;

use crate::join::Context;

pub use attach::{Attached, Probes, attach};
pub use counters::Counters;
pub use crowd::Crowd;
pub use grace::Grace;
pub use load::{Kernel, Shared};
pub use mechanism::{Mechanism, Policy};
pub use misses::Misses;
pub use slots::{Overdue, RecordBytes};

/// What to trace, as the kernel side is told.
#[derive(Debug)]
pub struct Selection {
    /// Rows of the syscall table to attach to.
    pub rows: Vec<usize>,
    /// How much is to be known of the processes that events name.
    pub context: Context,
    /// By which mechanisms.
    pub policy: Policy,
    /// The file with the kernel's types, instead of its own.
    pub btf: Option<PathBuf>,
    /// The filter. What depends on the kernel and on the sizes of maps is filled in while loading.
    pub config: Config,
    /// Selected processes and their [sides](sigtrace_common::side).
    pub pids: HashMap<u32, u32>,
    /// Selected calling threads.
    pub tids: Vec<u32>,
    /// Selected callers' user ids.
    pub uids: Vec<u32>,
    /// Selected callers' names, NUL-padded.
    pub comms: Vec<[u8; 16]>,
    /// Selected targets' user ids.
    pub target_uids: Vec<u32>,
    /// Selected targets' names, NUL-padded.
    pub target_comms: Vec<[u8; 16]>,
    /// The directory of the control group of the selected callers.
    pub cgroup: Option<File>,
    /// Bytes of the ring: a power of two, at least a page.
    pub ring_size: u32,
    /// How many calls can be under way at once; by the machine if not said.
    pub slots: Option<u32>,
}
