//! `stack_t` (`include/uapi/asm-generic/signal.h`).

use super::{Flags, bytes::Layout};
use crate::names::ss_flags::SS;

/// The stack handlers run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack {
    /// `ss_sp`, its lowest address; 0 without one.
    pub sp: u64,
    /// `ss_flags`.
    pub flags: Flags,
    /// `ss_size`, in bytes.
    pub size: u64,
}

impl Stack {
    pub(super) fn decode(layout: Layout<'_>) -> Option<Self> {
        Some(Self {
            sp: layout.word(0, 0)?,
            flags: Flags { table: &SS, bits: u64::from(layout.uint(8, 4)?) },
            size: layout.word(16, 8)?,
        })
    }
}
