//! The value of an argument.

use super::{Handler, Sigaction, Siginfo, SignalfdSiginfos, Stack, Timespec};
use crate::names::{FlagTable, signal};

/// The value of an argument, or of what it points to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// An `int`: a process, a thread or a descriptor.
    Int(i32),
    /// A `size_t`.
    Size(u64),
    /// A signal number, valid or not.
    Signal(i32),
    /// What rt_sigprocmask is to do with its set, valid or not.
    How(i32),
    /// A word of flags.
    Flags(Flags),
    /// A pointer that is NULL.
    Null,
    /// A pointer to memory that could not be read, or not before the call wrote its output there.
    Unreadable(u64),
    /// A pointer to memory that was not read: its size argument is wrong, or the call that was to
    /// fill it did not succeed.
    Address(u64),
    /// A set of signals.
    Set(SignalSet),
    /// What a signal does.
    Sigaction(Sigaction),
    /// Where a signal comes from.
    Siginfo(Siginfo),
    /// The stack handlers run on.
    Stack(Stack),
    /// A span of time.
    Timespec(Timespec),
    /// What to do with a signal.
    Handler(Handler),
    /// The structures read from a signalfd.
    SignalfdSiginfos(SignalfdSiginfos<'a>),
}

impl Value<'_> {
    /// What it has a signal do, if it is about that.
    pub fn handler(&self) -> Option<Handler> {
        match self {
            Self::Sigaction(action) => Some(action.handler),
            Self::Handler(handler) => Some(*handler),
            _ => None,
        }
    }
}

/// A word of flags with the table that names its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// The names.
    pub table: &'static FlagTable,
    /// The word.
    pub bits: u64,
}

impl Flags {
    /// The names of the bits that have one.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.table.names(self.bits)
    }

    /// The bits that have no name, if there are any.
    pub fn rest(self) -> Option<u64> {
        Some(self.table.rest(self.bits)).filter(|rest| *rest != 0)
    }
}

/// A set of signals: signal n is bit n - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalSet {
    /// `sigset_t`, which has a place for every signal.
    Whole(u64),
    /// `old_sigset_t`, which has one for the first 32 only.
    Old(u32),
}

impl SignalSet {
    /// Its bits.
    pub fn bits(self) -> u64 {
        match self {
            Self::Whole(bits) => bits,
            Self::Old(bits) => bits.into(),
        }
    }

    /// The names of the signals in it, in order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        signal::names(self.bits())
    }

    /// Whether more of the signals that it has a place for are in it than are not.
    pub fn has_most(self) -> bool {
        self.bits().count_ones() > self.complement().bits().count_ones()
    }

    /// The signals that it has a place for and that are not in it.
    pub fn complement(self) -> Self {
        match self {
            Self::Whole(bits) => Self::Whole(!bits),
            Self::Old(bits) => Self::Old(!bits),
        }
    }
}
