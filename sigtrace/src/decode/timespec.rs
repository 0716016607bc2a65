//! `struct timespec` (`include/uapi/linux/time.h`; for 32-bit callers `struct old_timespec32`, for x32
//! callers `struct __kernel_timespec`).

use super::bytes::{self, Layout};

/// A span of time, as the caller gave it: the kernel refuses a negative one, and more than
/// 999,999,999 nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timespec {
    /// `tv_sec`, in seconds.
    pub sec: i64,
    /// `tv_nsec`, in nanoseconds.
    pub nsec: i64,
}

impl Timespec {
    pub(super) fn decode(layout: Layout<'_>) -> Option<Self> {
        if layout.wide_times && !layout.wide {
            return Self::decode_64(layout.bytes);
        }
        Some(Self { sec: layout.long(0, 0)?, nsec: layout.long(8, 4)? })
    }

    /// `struct __kernel_timespec` of a 32-bit or an x32 caller, as the kernel takes it: the upper half of the
    /// nanoseconds is padding (`get_timespec64`, `kernel/time/time.c`).
    pub(super) fn decode_64(bytes: &[u8]) -> Option<Self> {
        Some(Self { sec: bytes::i64(bytes, 0)?, nsec: bytes::u32(bytes, 8)?.into() })
    }
}
