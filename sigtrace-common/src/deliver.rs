//! What is told of a signal that is taken.

use core::mem::{offset_of, size_of};

use crate::{Header, KERNEL_SIGINFO_SIZE, Thread};

/// A signal that a thread takes: a record of the kind [`Deliver`](crate::RecordKind::Deliver). Native byte order,
/// no padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Deliver {
    /// What every record begins with.
    pub header: Header,
    /// When it was taken, in nanoseconds of `CLOCK_BOOTTIME`.
    pub time_ns: u64,
    /// When it was sent, on the same clock: [`Generate::time_ns`](crate::Generate::time_ns) of the one that it
    /// is; 0 if that is not known.
    pub generated_ns: u64,
    /// What comes with it: a `kernel_siginfo`.
    pub info: [u64; KERNEL_SIGINFO_SIZE / 8],
    /// What the thread does: `sa_handler`, which is 0 for the default action and 1 for none.
    pub handler: u64,
    /// `sa_flags`.
    pub flags: u64,
    /// The thread, and its process.
    pub process: Thread,
    /// The signal.
    pub signal: u8,
    /// Zeros.
    pub reserved: [u8; 7],
}

const _: () = {
    assert!(offset_of!(Deliver, time_ns) == 8);
    assert!(offset_of!(Deliver, generated_ns) == 16);
    assert!(offset_of!(Deliver, info) == 24);
    assert!(offset_of!(Deliver, handler) == 72);
    assert!(offset_of!(Deliver, flags) == 80);
    assert!(offset_of!(Deliver, process) == 88);
    assert!(offset_of!(Deliver, signal) == 152);
    assert!(offset_of!(Deliver, reserved) == 153);
    assert!(size_of::<Deliver>() == 160);
};
