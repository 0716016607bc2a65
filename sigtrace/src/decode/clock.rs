//! From the kernel's clock to the wall's.

/// What to add to `CLOCK_BOOTTIME` for the wall clock. It changes when the wall clock is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// `CLOCK_REALTIME` less `CLOCK_BOOTTIME`, in nanoseconds.
    pub offset_ns: i64,
}

impl WallClock {
    /// Nanoseconds since 1970 (UTC) of a time of `CLOCK_BOOTTIME`, within the range of the type.
    pub const fn unix_ns(self, boot_ns: u64) -> u64 {
        boot_ns.saturating_add_signed(self.offset_ns)
    }

    /// Nanoseconds of `CLOCK_BOOTTIME` at a time that came of [`unix_ns`](Self::unix_ns).
    pub const fn boot_ns(self, unix_ns: u64) -> u64 {
        unix_ns.saturating_add_signed(self.offset_ns.saturating_neg())
    }
}
