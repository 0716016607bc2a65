//! What there is to do about a call: the same whatever its programs are attached by.

pub mod enter;
pub mod exit;
mod expansion;
pub mod filter;
mod held;
mod identity;
mod late;
mod masks;
mod named;
pub mod namespace;
mod pidfd;
pub mod regs;
pub mod signalfd;
mod target;
mod user;

pub use namespace::own_number;
pub use user::arg;

/// What the calls of a program have in common, which so is as short as they let it be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// They enter the kernel by their numbers.
    Calls,
    /// Likewise, and they are one call only, so that the verifier knows their shape.
    Call,
    /// They read from a signalfd.
    Reads,
}
