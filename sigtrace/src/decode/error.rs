//! What can be wrong with a record.

use thiserror::Error;

/// Why bytes are not a record of this version of the kernel side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// It ends early.
    #[error("the record has {length} bytes, but {needed} are needed")]
    TooShort {
        /// Its length.
        length: usize,
        /// The least it must have to be what it says it is.
        needed: usize,
    },
    /// Nothing is of its kind.
    #[error("the record is of kind {0}, which does not exist")]
    UnknownKind(u8),
    /// It is of another kind than it was taken for.
    #[error("the record is of kind {0}, which is another")]
    OtherKind(u8),
    /// Its kind has another layout.
    #[error("the record has version {version} of kind {kind}, which is another's")]
    UnknownVersion {
        /// The kind's number.
        kind: u8,
        /// The version found.
        version: u8,
    },
    /// Its signal is none.
    #[error("the record names signal {0}, which does not exist")]
    UnknownSignal(i32),
    /// What became of its signal is nothing that can.
    #[error("the record has outcome {0}, which does not exist")]
    UnknownOutcome(u8),
    /// Its syscall is not in the table.
    #[error("the record names syscall {0}, which is not in the table")]
    UnknownSyscall(u16),
    /// Its binary interface is none.
    #[error("the record names binary interface {0}, which does not exist")]
    UnknownAbi(u8),
    /// Its state is none a call can be in.
    #[error("the record is in state {0}, which is not a state of a call")]
    UnknownState(u8),
    /// It does not say what became of an argument.
    #[error("the record has capture state {capture} for argument {argument}, which is not defined")]
    UnknownCapture {
        /// Index of the argument.
        argument: usize,
        /// The number found.
        capture: u8,
    },
}
