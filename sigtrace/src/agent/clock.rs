//! The kernel's clock against the wall's.

use crate::decode::WallClock;

/// Changes this small are no reason to set times anew.
const NOISE_NS: u64 = 10_000;
/// How often the clocks are compared at most to find a moment when nothing came between.
const ATTEMPTS: usize = 20;

/// The clock of records, which goes on while the machine is suspended.
pub(crate) const KERNEL: libc::clockid_t = libc::CLOCK_BOOTTIME;

/// The offset between the clocks, steady while nobody sets one of them.
#[derive(Debug)]
pub(crate) struct Offset {
    current: WallClock,
}

impl Offset {
    pub(crate) fn new() -> Self {
        Self { current: WallClock { offset_ns: measure().0 } }
    }

    /// The offset now. It changes only by more than it may be wrong.
    pub(crate) fn refresh(&mut self) -> WallClock {
        let (offset_ns, uncertainty_ns) = measure();
        if offset_ns.abs_diff(self.current.offset_ns) > uncertainty_ns.max(NOISE_NS) {
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

/// The offset, and by how much it may be wrong: the wall clock was read somewhere between two looks
/// at the other.
fn measure() -> (i64, u64) {
    let attempt = || {
        let before = now_ns(KERNEL);
        let wall = now_ns(libc::CLOCK_REALTIME);
        let after = now_ns(KERNEL);
        (wall.wrapping_sub(before + (after - before) / 2) as i64, after - before)
    };
    let mut best = attempt();
    for _ in 1..ATTEMPTS {
        if best.1 <= NOISE_NS {
            break;
        }
        let next = attempt();
        if next.1 < best.1 {
            best = next;
        }
    }
    best
}
