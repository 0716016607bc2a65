//! What there is to do about a call: the same whatever its programs are attached by.

pub mod enter;
pub mod exit;
pub mod filter;
mod namespace;
mod pidfd;
pub mod regs;
pub mod signalfd;
mod target;
mod user;
