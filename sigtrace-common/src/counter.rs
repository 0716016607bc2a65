//! What the kernel side counts.

/// One processor's counters, in cache lines of its own: an element of the map `COUNTERS`.
pub type Counters = [u64; 24];

/// Index into [`Counters`]. Each is incremented only when the thing it names happens. Unless
/// it says otherwise, each counts calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Left out by who calls.
    LeftOutByCaller = 0,
    /// Lost: the ring had no room for the record.
    RingFull = 1,
    /// Lost: no slot was left for one more thread, so the return could not have been paired.
    PendingFull = 2,
    /// Lost: the caller's registers could not be read.
    RegistersUnreadable = 3,
    /// Lost: the ring had no room for the return of a call that was told as unfinished.
    ReturnLost = 4,
    /// Left out by the arguments, or what they lead to.
    LeftOutByArguments = 5,
    /// Left out by how the call ended, or whom it reached.
    LeftOutByOutcome = 6,
    /// A new process or thread was to be followed, and there was no room to note it.
    NotFollowed = 7,
    /// Lost: the ring was filling, the caller's user was beyond its share, and the call could not be merged
    /// with others.
    OverShare = 8,
    /// Merged with others that are alike, as its user was beyond its share.
    Merged = 9,
    /// Ends of processes that were left out.
    ExitLeftOut = 10,
    /// Ends of processes that were lost: the ring had no room for the record, or was filling, and the user was
    /// beyond its share.
    ExitLost = 11,
    /// Signals that were sent and left out.
    GenerateLeftOut = 12,
    /// Signals that were sent and lost, likewise.
    GenerateLost = 13,
    /// Signals that were taken and left out.
    DeliverLeftOut = 14,
    /// Signals that were taken and lost, likewise.
    DeliverLost = 15,
    /// Records of processes that came, went or changed that were lost: the ring had no room, or was filling, and
    /// the user was beyond its share.
    ProcessLost = 16,
}

impl Counter {
    /// Every counter, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::LeftOutByCaller,
        Self::RingFull,
        Self::PendingFull,
        Self::RegistersUnreadable,
        Self::ReturnLost,
        Self::LeftOutByArguments,
        Self::LeftOutByOutcome,
        Self::NotFollowed,
        Self::OverShare,
        Self::Merged,
        Self::ExitLeftOut,
        Self::ExitLost,
        Self::GenerateLeftOut,
        Self::GenerateLost,
        Self::DeliverLeftOut,
        Self::DeliverLost,
        Self::ProcessLost,
    ];
}

/// What the agent tells the programs: the global `ORDERS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Orders {
    /// A [`Phase`]'s number.
    pub phase: u32,
    /// The generation of the map `CROWD`; see [`crowd`](crate::crowd).
    pub generation: u32,
}

/// What the agent is doing, by which the programs know what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Phase {
    /// It is not tracing, or not any more.
    Idle = 0,
    /// It is about to end: calls that have begun return, but none begins.
    Ending = 1,
    /// It traces.
    Tracing = 2,
    /// It traces, and makes calls itself to try the probes: these are no events.
    Trying = 3,
}

/// How often the programs of a row saw the agent try them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Seen {
    /// Calls that began.
    pub entries: u32,
    /// Calls that returned.
    pub returns: u32,
}

/// Elements of the map `PENDING`, which a signal is in by a part of what tells it from others.
pub const PENDING_PLACES: u32 = 1 << 14;

/// Elements of the map `TOLD`, which a thread is in by the low bits of its number.
pub const TOLD_PLACES: u32 = 1 << 14;

/// Elements of the map `SELECTED`, which a number is in by its low bits.
pub const SELECTED_BUCKETS: u32 = 1 << 16;
