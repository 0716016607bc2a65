//! The maps the programs share with the agent.

use core::intrinsics::{AtomicOrdering, atomic_xadd};

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    helpers::generated::bpf_get_smp_processor_id,
    macros::map,
    maps::{Array, CgroupArray, HashMap, RingBuf},
};
use sigtrace_common::{Counter, Counters, Record};

/// Finished records, for the agent. The agent sets the size.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(1 << 22, 0);

/// A slot per thread that made a call, by thread id: its call while it is under way. Slots are kept
/// until the thread ends, as filling one in place is cheaper than inserting and deleting; but once
/// half of them are taken, only while the call is under way, so that idle threads cannot use up
/// what others need.
///
/// Only the thread itself touches its slot, so it needs no lock.
#[map]
pub static PENDING: HashMap<u32, Record> = HashMap::with_max_entries(SLOTS, 0);

const SLOTS: u32 = 32_768;

/// How many slots are taken.
#[map]
static TAKEN: Array<u32> = Array::with_max_entries(1, 0);

/// How many slots hold a call, by the low bits of the thread id. Where it is 0, nothing needs to be
/// looked up in `PENDING`, which costs ten times as much: that is what makes a call that is
/// filtered out cheap.
#[map]
static UNDER_WAY: Array<u32> = Array::with_max_entries(UNDER_WAY_BUCKETS, 0);

const UNDER_WAY_BUCKETS: u32 = 1 << 16;

/// [`Counter`](sigtrace_common::Counter)s by processor. Mapped into the agent's memory, which so
/// reads them without a system call; it sets the number of processors.
#[map]
pub static COUNTERS: Array<Counters> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// 1 while the agent traces: attaching and detaching take the kernel seconds, and calls that begin
/// meanwhile are none of ours.
#[map]
static TRACING: Array<u32> = Array::with_max_entries(1, 0);

/// Selected processes, by process id; the agent sets the size. Bits of
/// [`side`](sigtrace_common::side).
#[map]
pub static PIDS: HashMap<u32, u32> = HashMap::with_max_entries(1, 0);

/// Threads of selected targets, by thread id; the agent sets the size. Bits of
/// [`side`](sigtrace_common::side).
#[map]
pub static THREADS: HashMap<u32, u32> = HashMap::with_max_entries(1, 0);

/// Selected calling threads, by thread id.
#[map]
pub static TIDS: HashMap<u32, u8> = HashMap::with_max_entries(1024, 0);

/// Selected callers' user ids.
#[map]
pub static UIDS: HashMap<u32, u8> = HashMap::with_max_entries(1024, 0);

/// Selected callers' names, NUL-padded, as two words of the bytes in their order.
#[map]
pub static COMMS: HashMap<[u64; 2], u8> = HashMap::with_max_entries(1024, 0);

/// The selected control group.
#[map]
pub static CGROUP: CgroupArray = CgroupArray::with_max_entries(1, 0);

/// A slot for a thread that has none.
#[inline(always)]
pub fn new_slot(tid: u32, empty: &'static Record) -> Option<*mut Record> {
    PENDING.insert(tid, empty, 0).ok()?;
    add(&TAKEN, 0, 1);
    PENDING.get_ptr_mut(tid)
}

/// Frees the thread's slot.
#[inline(always)]
pub fn remove_slot(tid: u32) {
    if PENDING.remove(tid).is_ok() {
        add(&TAKEN, 0, -1);
    }
}

/// Whether slots have become so few that none can be kept for a thread that makes no call.
#[inline(always)]
pub fn slots_are_scarce() -> bool {
    match TAKEN.get_ptr(0) {
        // SAFETY: an element of the map; volatile, as other processors change it.
        Some(taken) => unsafe { taken.read_volatile() > SLOTS / 2 },
        None => false,
    }
}

/// Whether the thread's slot may hold a call.
#[inline(always)]
pub fn may_be_under_way(tid: u32) -> bool {
    match UNDER_WAY.get_ptr(tid % UNDER_WAY_BUCKETS) {
        // SAFETY: an element of the map; volatile, as other processors change it.
        Some(calls) => unsafe { calls.read_volatile() != 0 },
        None => true,
    }
}

/// The thread's slot holds one call more or, with -1, less.
#[inline(always)]
pub fn count_under_way(tid: u32, change: i32) {
    add(&UNDER_WAY, tid % UNDER_WAY_BUCKETS, change);
}

/// Adds to an element, atomically.
#[inline(always)]
fn add(map: &Array<u32>, index: u32, change: i32) {
    if let Some(value) = map.get_ptr(index) {
        // SAFETY: an aligned element of the map, which lives as long as the program.
        unsafe {
            atomic_xadd::<u32, u32, { AtomicOrdering::Relaxed }>(value.cast_mut(), change as u32);
        }
    }
}

/// Whether the tracing has begun and is not over.
#[inline(always)]
pub fn is_tracing() -> bool {
    match TRACING.get_ptr(0) {
        // SAFETY: an element of the map; volatile, as the agent changes it.
        Some(tracing) => unsafe { tracing.read_volatile() != 0 },
        None => false,
    }
}

/// Counts one more of `counter`.
#[inline(always)]
pub fn count(counter: Counter) {
    // SAFETY: plain helper.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    if let Some(counters) = COUNTERS.get_ptr(cpu) {
        // SAFETY: an aligned element of the map, which lives as long as the program. Atomic, as a
        // program may be preempted by another of ours on the same processor.
        unsafe {
            let value = counters.cast::<u64>().cast_mut().add(counter as usize);
            atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(value, 1);
        }
    }
}
