//! Records into the ring.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::generated::bpf_ringbuf_output,
};
use sigtrace_common::{Counter, Record};

use crate::{
    config::config,
    maps::{EVENTS, count},
};

/// Past the threshold the agent is woken for this many bytes more, not for each record until it
/// has caught up. Should the wake-up be missed, its timer is the net below.
const WAKEUP_SPAN: u64 = 1024;

/// Puts the first `size` bytes of a record into the ring, or counts it as lost.
#[inline(always)]
pub fn emit(record: &Record, size: usize) {
    // SAFETY: the ring is a map; `size` is at most the size of a record.
    let failed = unsafe {
        bpf_ringbuf_output(
            (&raw const EVENTS).cast::<c_void>().cast_mut(),
            (&raw const *record).cast::<c_void>().cast_mut(),
            size as u64,
            wakeup(),
        )
    };
    if failed != 0 {
        count(Counter::RingFull);
    }
}

/// Whether putting something more into the ring is to wake the agent, as a flag.
#[inline(always)]
pub fn wakeup() -> u64 {
    let waiting = EVENTS.query(u64::from(BPF_RB_AVAIL_DATA));
    let wake = waiting.wrapping_sub(u64::from(config!(wakeup_bytes))) < WAKEUP_SPAN;
    u64::from(if wake { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP })
}
