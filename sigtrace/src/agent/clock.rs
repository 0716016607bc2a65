//! The kernel's clock against the wall's.

use crate::decode::WallClock;

/// By how much the offset may seem to change without the wall clock having been set: reading two
/// clocks takes a moment, and what comes between differs.
const NOISE_NS: u64 = 50_000;

/// The offset between the clocks, steady while nobody sets one of them.
#[derive(Debug)]
pub(crate) struct Offset {
    current: WallClock,
}

impl Offset {
    pub(crate) fn new() -> Self {
        Self { current: WallClock { offset_ns: measure() } }
    }

    /// The offset now.
    pub(crate) fn refresh(&mut self) -> WallClock {
        let offset_ns = measure();
        if offset_ns.abs_diff(self.current.offset_ns) > NOISE_NS {
            self.current = WallClock { offset_ns };
        }
        self.current
    }
}

/// Nanoseconds of a clock.
pub(crate) fn now_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a timespec to write to. These clocks always exist.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}

fn measure() -> i64 {
    let before = now_ns(libc::CLOCK_MONOTONIC);
    let wall = now_ns(libc::CLOCK_REALTIME);
    let after = now_ns(libc::CLOCK_MONOTONIC);
    wall.wrapping_sub(before + (after - before) / 2) as i64
}
