//! What can be wrong with a record.

use thiserror::Error;

/// Why bytes are not a record of this version of the kernel side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// It ends early.
    #[error("the record has {length} bytes where {needed} are needed")]
    TooShort {
        /// Its length.
        length: usize,
        /// The least it must have to be what it says it is.
        needed: usize,
    },
    /// Its syscall is not in the table.
    #[error("the record is of syscall {0}, which is not in the table")]
    UnknownSyscall(u16),
    /// Its binary interface is none.
    #[error("the record is of binary interface {0}, which does not exist")]
    UnknownAbi(u8),
    /// Its state is none a call can be in.
    #[error("the record is in state {0}, which is none of a call")]
    UnknownState(u8),
    /// It does not say what became of an argument.
    #[error("the record calls its argument {argument} captured as {capture}, which has no meaning")]
    UnknownCapture {
        /// Index of the argument.
        argument: usize,
        /// The number found.
        capture: u8,
    },
}
