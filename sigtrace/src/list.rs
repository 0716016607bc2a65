//! `sigtrace list`: what there is to trace.

mod json;
mod table;

use std::io::{self, Write};

use sigtrace_common::{Access, Kind, SYSCALLS, Syscall};

use crate::arch::NATIVE;
use crate::bpf::Mechanism;

/// How to write the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListFormat {
    /// A table, as wide as it is.
    #[default]
    Text,
    /// A table of no more than so many characters a line, without the columns that have no room.
    Within(usize),
    /// An object a line.
    Json,
}

/// What this machine can do about a syscall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Probe it by this mechanism.
    Mechanism(&'static str),
    /// Nothing, for this reason.
    Unsupported(String),
}

/// What can be done by these mechanisms.
pub fn probes(mechanisms: Vec<Mechanism>) -> Vec<Probe> {
    let probe = |mechanism| match mechanism {
        Mechanism::Unsupported => Probe::Unsupported("not in this kernel".to_owned()),
        mechanism => Probe::Mechanism(mechanism.name()),
    };
    mechanisms.into_iter().map(probe).collect()
}

/// The calls that this architecture has, each with its row in the table.
fn rows() -> impl Iterator<Item = (usize, &'static Syscall)> {
    let is_there =
        |(_, syscall): &(usize, &'static Syscall)| syscall.points(NATIVE).next().is_some();
    SYSCALLS.iter().enumerate().filter(is_there)
}

/// The kinds of events, and what each is for.
pub(crate) const EVENTS: [(&str, &str); 9] = [
    ("syscall", "a system call, decoded"),
    ("return", "the return of a call that was printed as unfinished"),
    ("generate", "a signal as it is sent: by whom or why, to whom, and what becomes of it"),
    ("deliver", "a signal as a thread takes it, and what it does then"),
    ("exit", "the end of a process by a signal"),
    ("repeated", "calls of one process that are alike, merged while the ring was filling"),
    ("lost", "what was not printed, by cause, since the last such event"),
    ("blind", "a period in which some calls could not be seen"),
    ("stats", "the accounting: what was printed, filtered, merged and lost"),
];

/// Writes the syscalls, in the order of the syscall table, and the kinds of events. `probes` says
/// for each row of that table what this machine can do, if that is known.
///
/// # Errors
///
/// When `out` fails.
pub fn write(out: &mut dyn Write, format: ListFormat, probes: Option<&[Probe]>) -> io::Result<()> {
    match format {
        ListFormat::Text => table::write(out, probes, None),
        ListFormat::Within(width) => table::write(out, probes, Some(width)),
        ListFormat::Json => json::write(out, probes),
    }
}

/// The name of an argument's type.
fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Pid => "pid",
        Kind::Tid => "tid",
        Kind::Fd => "fd",
        Kind::Pidfd => "pidfd",
        Kind::Size => "size",
        Kind::Signal => "signal",
        Kind::How => "how",
        Kind::SignalfdFlags => "signalfd_flags",
        Kind::PidfdSignalFlags => "pidfd_signal_flags",
        Kind::PidfdOpenFlags => "pidfd_open_flags",
        Kind::SignalSet => "set",
        Kind::Sigaction => "sigaction",
        Kind::Siginfo => "siginfo",
        Kind::Stack => "stack",
        Kind::Timespec => "timespec",
        Kind::Int => "int",
        Kind::OldMask => "old_mask",
        Kind::OldSignalSet => "old_set",
        Kind::Handler => "handler",
        Kind::OldSigaction => "old_sigaction",
        Kind::Timespec64 => "timespec64",
        Kind::SignalfdSiginfo => "signalfd_siginfo",
    }
}

/// The name of the way an argument goes.
fn access(access: Access) -> &'static str {
    match access {
        Access::Value => "value",
        Access::In => "in",
        Access::Out => "out",
        Access::Frame => "frame",
        Access::Kernel => "kernel",
        Access::Returned => "returned",
    }
}
