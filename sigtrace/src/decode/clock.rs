//! From the kernel's clock to the wall's.

/// What to add to `CLOCK_MONOTONIC` for the wall clock. It changes when the wall clock is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// `CLOCK_REALTIME` less `CLOCK_MONOTONIC`, in nanoseconds.
    pub offset_ns: i64,
}

impl WallClock {
    /// Nanoseconds since 1970 (UTC) of a time of `CLOCK_MONOTONIC`, within the range of the type.
    pub const fn unix_ns(self, monotonic_ns: u64) -> u64 {
        monotonic_ns.saturating_add_signed(self.offset_ns)
    }
}
