//! Why a process ended.

use super::process::{Ends, Known};
use crate::decode::{Exit, Generate};

/// A process that a signal ended, with that signal.
#[derive(Debug)]
pub struct Death<'a> {
    /// Its end.
    pub exit: &'a Exit,
    /// Who it was, if that is known.
    pub process: Option<&'a Known>,
    /// The signal, and between whom it was sent; `None` if it was not seen.
    pub sent: Option<Sent<'a>>,
}

/// A signal that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// It.
    pub generate: &'a Generate,
    /// Between whom, with context.
    pub ends: Option<&'a Ends>,
    /// The path of the control group that was out of memory, if it is known.
    pub memory_group: Option<&'a [u8]>,
}
