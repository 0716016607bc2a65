//! From events to lines: one file a format.

mod code;
mod death;
mod digits;
mod event;
mod hex;
mod json;
mod printable;
pub(crate) mod process;
mod text;
mod timestamp;
mod users;

use std::io;

pub use code::{Code, Instruction, Symbol};
pub use death::{Death, Sent};
pub use event::{Blind, Counts, Event, Lost, Most, MostOf, Stats};
pub use json::{Json, MAX_NUMBER};
pub(crate) use printable::is_printable;
pub use process::{Ends, Known, Parties, Process, Taker};
pub(crate) use text::Escaped;
pub use text::{Text, why};
pub use users::Users;

/// A way to write events.
pub trait Format {
    /// Appends the event's line to `buffer`, its newline included.
    ///
    /// # Errors
    ///
    /// When the event cannot be expressed, which no event of this version is.
    fn write(&mut self, event: Event<'_>, buffer: &mut Vec<u8>) -> io::Result<()>;
}

/// How to write a set of signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sets {
    /// The names of the signals in it.
    #[default]
    Names,
    /// A mask in hexadecimal: signal n is bit n - 1.
    Mask,
}
