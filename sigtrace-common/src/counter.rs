//! What the kernel side counts.

/// One processor's counters, a cache line of its own: an element of the map `COUNTERS`.
pub type Counters = [u64; 8];

/// Index into [`Counters`]. Each counts calls and is incremented only when the thing it names
/// happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Left out by the filter.
    Filtered = 0,
    /// Lost: the ring had no room for the record.
    RingFull = 1,
    /// Lost: no slot was left for one more thread, so the return could not have been paired.
    PendingFull = 2,
    /// Lost: the caller's registers could not be read.
    RegistersUnreadable = 3,
}

impl Counter {
    /// Every counter, in the order of the array.
    pub const ALL: [Self; 4] =
        [Self::Filtered, Self::RingFull, Self::PendingFull, Self::RegistersUnreadable];
}
