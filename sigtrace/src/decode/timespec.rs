//! `struct timespec` (`include/uapi/linux/time.h`; for 32-bit callers `struct old_timespec32`).

use super::bytes::Layout;

/// A span of time, as the caller gave it: the kernel refuses a negative one, and more than 999,999,999
/// nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timespec {
    /// `tv_sec`, in seconds.
    pub sec: i64,
    /// `tv_nsec`, in nanoseconds.
    pub nsec: i64,
}

impl Timespec {
    pub(super) fn decode(layout: Layout<'_>) -> Option<Self> {
        Some(Self { sec: layout.long(0, 0)?, nsec: layout.long(8, 4)? })
    }
}
