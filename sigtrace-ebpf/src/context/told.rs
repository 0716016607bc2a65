//! What was told already, where two programs are attached in case the kernel skips one.

use aya_ebpf::{macros::map, maps::Array};
use sigtrace_common::TOLD_PLACES;

use crate::{config::config, kernel::member};

/// What was told last of the thread whose number has these low bits; the agent sets the size. Two with the same ones make
/// each other forgotten: then something is told twice, which the agent does not mind.
#[map]
static TOLD: Array<u64> = Array::with_max_entries(1, 0);

/// Whether this is the first program to tell of a thread that it has executed something so often: which it
/// then counts as told. The programs of a pair run one after the other in the same thread.
#[inline(always)]
pub fn is_news(task: u64, execs: u32) -> bool {
    let tid: u32 = member(task, config!(offsets.task_pid));
    let start_ns: u64 = member(task, config!(offsets.task_start_boottime));
    let Some(place) = TOLD.get_ptr_mut(tid & (TOLD_PLACES - 1)) else { return true };
    let now = start_ns.wrapping_add(u64::from(execs)).wrapping_add(1);
    // SAFETY: of the map's, eight bytes, aligned.
    unsafe {
        if place.read_volatile() == now {
            return false;
        }
        place.write_volatile(now);
    }
    true
}
