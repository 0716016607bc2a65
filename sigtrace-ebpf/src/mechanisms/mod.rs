//! The ways to attach to a function of the kernel: a file each, which says how its programs get at
//! the arguments and at the returned value.

pub mod fentry;
pub mod kprobe;
mod multi;
pub mod point;
pub mod session;
