//! The kernel's names for the numbers in its interfaces: one file a family of constants, each
//! naming its header and held against the `libc` crate by tests.
//!
//! x86_64 and aarch64 share every number here.

pub mod audit_arch;
mod default_action;
pub mod errno;
mod flags;
pub mod how;
mod nearest;
pub mod perf_flags;
pub mod pidfd;
pub mod poll;
pub mod sa_flags;
pub mod sfd;
pub mod si_code;
pub mod signal;
pub mod ss_flags;
pub mod syscall;

pub use default_action::{DefaultAction, default_action};
pub use flags::FlagTable;
pub use nearest::nearest;
use nearest::suggest;
