//! The calls that only 32-bit programs have.

pub(crate) mod actions;
pub(crate) mod bystander;
mod call;
#[cfg(target_arch = "x86")]
pub(crate) mod frames;
pub(crate) mod masks;
pub(crate) mod stuck;
pub(crate) mod waits;
