//! What ended a process: known before it ends, and looked for when it has.

use aya_ebpf::{bindings::BPF_ANY, macros::map, maps::LruHashMap};

use crate::{
    config::config,
    kernel::{member, other::Other},
};

/// `SIGNAL_UNKILLABLE` (`include/linux/sched/signal.h`).
const SIGNAL_UNKILLABLE: u32 = 0x40;

/// Processes that a signal is ending, by id and the time when they began: when that was sent, 0 if that is not
/// known, and the signal. Those that are no use any more make room; the agent sets the size.
#[map]
static FATAL: LruHashMap<[u64; 2], [u64; 2]> = LruHashMap::with_max_entries(1, 0);

/// Notes that a signal ends a process, unless that is known already: before 6.0 what is sent to a process that is
/// ending looks as if it ended it.
#[inline(always)]
pub fn note(pid: u32, leader: Other, signal: u32, sent_ns: u64) {
    let who = [u64::from(pid), leader.start_ns()];
    if let Some(known) = FATAL.get_ptr(who) {
        // SAFETY: a value of the map; what writes it has the lock of the process's signals.
        if unsafe { (*known)[1] } == u64::from(signal) {
            return;
        }
    }
    let _ = FATAL.insert(who, [sent_ns, u64::from(signal)], u64::from(BPF_ANY));
}

/// When the signal was sent that ended a process: `None` if none was seen to, 0 if it is not known when.
#[inline(always)]
pub fn find(pid: u32, start_ns: u64, signal: u32) -> Option<u64> {
    let known = FATAL.get_ptr([u64::from(pid), start_ns])?;
    // SAFETY: as above.
    unsafe { if (*known)[1] == u64::from(signal) { Some((*known)[0]) } else { None } }
}

/// Whether a thread that takes a signal with its default action ends its process by that (`get_signal`,
/// `kernel/signal.c`).
#[inline(always)]
pub fn is(signal: u32, process: u64) -> bool {
    /// Those that do nothing, or stop the process or have it go on: `sig_kernel_ignore`, `sig_kernel_stop`
    /// (`include/linux/signal.h`); signal n is bit n-1.
    const OTHERS: u64 =
        1 << 16 | 1 << 17 | 1 << 18 | 1 << 19 | 1 << 20 | 1 << 21 | 1 << 22 | 1 << 27;
    let flags: u32 = member(process, config!(offsets.signal_flags));
    flags & SIGNAL_UNKILLABLE == 0 && OTHERS >> (signal.wrapping_sub(1) & 63) & 1 == 0
}
