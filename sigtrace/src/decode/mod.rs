//! From a record's bytes to a [`Call`], or whatever else it tells of.
//!
//! The bytes come from the kernel side and are not trusted: every length is checked, every number
//! looked up, and what does not fit is an error. Nothing here allocates, and nothing knows where
//! the bytes come from.

mod action;
mod bytes;
mod call;
mod cause;
mod clock;
mod deliver;
mod error;
mod exit;
mod generate;
mod glance;
mod header;
mod layout;
mod lost;
mod mapping;
mod process;
mod record;
mod repeated;
#[cfg(test)]
pub(crate) mod sample;
mod sigaction;
mod siginfo;
mod signalfd;
mod stack;
#[cfg(test)]
pub(crate) mod tests;
mod thread;
mod timespec;
mod value;

pub use action::ActionChange;
pub use call::{Call, Comm, Holes, MaskChange, NamespaceIds, Reach, Return, Taken};
pub use cause::Cause;
pub use clock::WallClock;
#[cfg(test)]
pub(crate) use deliver::tests as tests_of_deliver;
pub use deliver::{Deliver, deliver, uid_of_taker};
pub use error::DecodeError;
#[cfg(test)]
pub(crate) use exit::tests as tests_of_exit;
pub use exit::{Exit, Reason, Refused, exit};
#[cfg(test)]
pub(crate) use generate::tests as tests_of_generate;
pub use generate::{
    Generate, OutOfMemory, SentCall, SentOutcome, TargetState, generate, uid_charged,
};
pub use glance::{CallKey, Glance, uid};
pub use header::kind;
pub use lost::lost;
#[cfg(test)]
pub(crate) use mapping::tests as tests_of_mapping;
pub use mapping::{Code, File, Mapping, code, is_code};
#[cfg(test)]
pub(crate) use process::tests as tests_of_process;
pub use process::{Change, Exec, Path, State, Who, change, is_change};
pub use record::call;
pub use repeated::{Repeated, repeated};
pub use sigaction::{Handler, Sigaction};
pub use siginfo::{Fault, Members, Rest, Siginfo, Sigval};
pub use signalfd::SignalfdSiginfos;
pub use stack::Stack;
pub use thread::{Process, SignalKey, Thread};
pub use timespec::Timespec;
pub use value::{Flags, SignalSet, Value};
