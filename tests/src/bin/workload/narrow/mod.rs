//! The calls that only 32-bit programs have. Those of i386 have a few more than those of Arm.

pub(crate) mod actions;
#[cfg(not(target_arch = "arm"))]
pub(crate) mod by_value;
pub(crate) mod bystander;
mod call;
#[cfg(target_pointer_width = "32")]
pub(crate) mod frames;
pub(crate) mod masks;
pub(crate) mod stuck;
pub(crate) mod waits;
