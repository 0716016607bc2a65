//! What there is to write.

use super::{
    death::{Death, Sent},
    process::{Ends, Known, Parties, Taker},
};
use crate::decode::{Call, Comm, Deliver, Exit, Generate, Repeated};

/// One line of the stream.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A system call, and with context who it is about.
    Call(&'a Call<'a>, Option<&'a Parties>),
    /// The return of a call that was printed as unfinished.
    Return {
        /// The call as it is known now, with the id that it was printed with.
        call: &'a Call<'a>,
        /// Wall clock when it returned, or when it was noticed that this was missed, in nanoseconds
        /// since 1970 (UTC).
        time_ns: u64,
    },
    /// A signal is sent; with context, by whom and to whom.
    Generate(&'a Generate, Option<&'a Ends>),
    /// A signal is taken; with context, by whom.
    Deliver(&'a Deliver, Option<&'a Taker>),
    /// A signal ended a process; with context, which.
    Exit(&'a Exit, Option<&'a Known>),
    /// Likewise, with the signal that did.
    Death(&'a Death<'a>),
    /// A signal ended nobody.
    Effect(Sent<'a>),
    /// Calls that were merged.
    Repeated {
        /// The calls.
        repeated: &'a Repeated,
        /// Wall clock when they are told of, in nanoseconds since 1970 (UTC).
        time_ns: u64,
    },
    /// Calls were lost.
    Lost(&'a Lost),
    /// Nothing could be seen of some calls.
    Blind(&'a Blind),
    /// The accounting so far.
    Stats(&'a Stats),
}

impl Event<'_> {
    /// The real user id of whoever made the calls that it is about, or whose process it is; of a signal whose thread was at work.
    pub fn uid(&self) -> Option<u32> {
        match self {
            Self::Call(call, _) | Self::Return { call, .. } => Some(call.uid),
            Self::Generate(generate, _) => Some(generate.charged),
            Self::Deliver(deliver, _) => Some(deliver.thread.process.uid),
            Self::Exit(exit, _) => Some(exit.process.uid),
            Self::Death(death) => Some(death.exit.process.uid),
            Self::Effect(sent) => Some(sent.generate.charged),
            Self::Repeated { repeated, .. } => Some(repeated.uid),
            Self::Lost(_) | Self::Blind(_) | Self::Stats(_) => None,
        }
    }
}

/// Numbers by name, in the order to print them.
pub type Counts = Vec<(&'static str, u64)>;

/// Calls of which nothing was printed, since the last event of this kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Wall clock when it was noticed, in nanoseconds since 1970 (UTC).
    pub time_ns: u64,
    /// How many, by cause.
    pub causes: Counts,
    /// Of calls that were printed as unfinished, how many returns were lost besides.
    pub returns: u64,
    /// Events of other kinds that are chosen, by kind.
    pub events: Counts,
    /// Whose were the most, if any were lost to whom the programs could tell.
    pub most: Option<Most>,
}

/// Whose the most lost calls were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// The user whose share of the ring they used up: in a user namespace its owner.
    pub user: MostOf<u32>,
    /// The process: its id, the name of a thread of it, its real user id.
    pub process: MostOf<(u32, Comm, u32)>,
    /// The syscall.
    pub syscall: MostOf<&'static str>,
    /// The signal that they name, if any did.
    pub signal: Option<MostOf<i32>>,
}

/// What lost calls have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MostOf<T> {
    /// What it is.
    pub what: T,
    /// How many of them have it.
    pub lost: u64,
}

/// A time in which no probe of some syscalls answered. Calls made in it were not seen, and so nobody
/// knows how many there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blind {
    /// Wall clock when its beginning or its end was noticed, in nanoseconds since 1970 (UTC).
    pub time_ns: u64,
    /// Its place among calls and returns.
    pub seq: u64,
    /// Wall clock when the probes were last known to answer.
    pub since_ns: u64,
    /// Wall clock when they were first known to answer again; `None` while they do not.
    pub until_ns: Option<u64>,
    /// The syscalls, by name.
    pub syscalls: Vec<&'static str>,
    /// Why, as far as that can be found out.
    pub reason: String,
}

/// The accounting since tracing began: calls made while attached = the sum of `printed`, plus
/// `filtered`, plus `merged`, plus the sum of `lost`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Wall clock, in nanoseconds since 1970 (UTC).
    pub time_ns: u64,
    /// Nanoseconds since tracing began.
    pub elapsed_ns: u64,
    /// Calls printed, by syscall.
    pub printed: Counts,
    /// Calls the filter left out.
    pub filtered: u64,
    /// Calls that were merged into others' events.
    pub merged: u64,
    /// Calls that were not printed, by cause.
    pub lost: Counts,
    /// Calls printed with a hole, by what is missing.
    pub incomplete: Counts,
    /// What became of the returns of calls that were printed as unfinished.
    pub returns: Counts,
    /// What became of events of other kinds that are chosen, by kind.
    pub events: Vec<(&'static str, Counts)>,
    /// With context: what became of the table of processes.
    pub context: Counts,
    /// How each syscall is probed.
    pub probes: Vec<(&'static str, &'static str)>,
}
