//! What the eBPF programs and the agent share.
//!
//! The [syscall table](SYSCALLS) says what there is to trace; a [`Record`] is what the kernel side
//! hands to the agent for one call, a [`Generate`] for a signal that is sent, a [`Deliver`] for one that is
//! taken, an [`Exit`] for a process that one ended, a [`Process`] for one that came or changed; a [`Config`] is what
//! the agent hands to the kernel side before the programs are loaded; [`Counter`]s are what the kernel
//! side counts.
//!
//! The kernel side captures, user space interprets: nothing here decodes anything.
#![no_std]

mod abi;
mod config;
mod counter;
pub mod crowd;
mod deliver;
mod exit;
mod generate;
mod global;
mod header;
mod kfunc;
mod mapping;
mod process;
mod record;
mod shape;
mod slot;
mod syscall;
mod table;
pub mod tag;
mod thread;

pub use abi::{Abi, regs};
pub use config::{Config, ERROR_WORDS, FEW, MAX_ERROR, Offsets, access, kinds, select, side};
pub use counter::{
    Counter, Counters, Orders, PENDING_PLACES, Phase, SELECTED_BUCKETS, Seen, TOLD_PLACES,
};
pub use deliver::Deliver;
pub use exit::{Exit, ending};
pub use generate::{Generate, KERNEL_SIGINFO_SIZE, NO_CALL, fact};
pub use global::GLOBALS;
pub use header::{Header, RecordKind};
pub use kfunc::{BPF_RDONLY_CAST, BPF_SESSION_IS_RETURN, KFUNCS};
pub use mapping::{File, Mapping};
pub use process::{ARGS_ROOM, CGROUP_ROOM, EXE_ROOM, End, NAME_ROOM, Process, Rename, SCRIPT_ROOM};
pub use record::{Capture, DATA_OFFSET, DATA_SIZE, MAX_ARGS, Record, State, undecided};
pub use shape::{Frame, NO_ARG, Place, SHAPES_LEN, Shape, flag, shapes};
pub use slot::{EMPTY_SLOT, Slot, WAITS};
pub use syscall::{
    Access, Arg, Entries, Entry, Group, Hook, Kind, MASKS_SIZE, MAX_SIGNALFD_SIGINFOS, Outcome,
    POINTS_OF_A_ROW, Point, SIGNALFD_SIGINFO_SIZE, SYSCALL_NUMBERS, Syscall, UNKNOWN_MASK,
    point_number,
};
pub use table::{SYSCALLS, find};
pub use thread::Thread;
