//! The maps the programs share with the agent, but for the [slots](crate::slots).

use core::cell::UnsafeCell;

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    helpers::generated::bpf_get_smp_processor_id,
    macros::map,
    maps::{Array, CgroupArray, HashMap, RingBuf},
};
use sigtrace_common::{Counter, Counters, Orders, Phase, SYSCALLS, Seen};

use crate::atomic::{add_u32, add_u64};

/// Finished records, for the agent. The agent sets the size.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(1 << 22, 0);

/// [`Counter`](sigtrace_common::Counter)s by processor. Mapped into the agent's memory, which so
/// reads them without a system call; it sets the number of processors.
#[map]
pub static COUNTERS: Array<Counters> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// How often the programs of each row saw the agent try them.
#[map]
static SEEN: Array<[Seen; SYSCALLS.len()]> = Array::with_max_entries(1, 0);

/// Selected processes, by process id; the agent sets the size. Bits of
/// [`side`](sigtrace_common::side).
#[map]
pub static PIDS: HashMap<u32, u32> = HashMap::with_max_entries(1, 0);

/// Threads of selected targets, by thread id; the agent sets the size. Bits of
/// [`side`](sigtrace_common::side).
#[map]
pub static THREADS: HashMap<u32, u32> = HashMap::with_max_entries(1, 0);

/// How many selected processes and threads there are, by the low bits of their ids: where it is 0,
/// neither map has to be asked, which costs six times as much. The agent sets the size.
#[map]
static SELECTED: Array<u32> = Array::with_max_entries(1, 0);

/// Selected calling threads, by thread id; the agent sets the size.
#[map]
pub static TIDS: HashMap<u32, u8> = HashMap::with_max_entries(1, 0);

/// Selected callers' user ids; the agent sets the size.
#[map]
pub static UIDS: HashMap<u32, u8> = HashMap::with_max_entries(1, 0);

/// Selected callers' names, NUL-padded, as two words of the bytes in their order; the agent sets the size.
#[map]
pub static COMMS: HashMap<[u64; 2], u8> = HashMap::with_max_entries(1, 0);

/// Selected targets' user ids, likewise.
#[map]
pub static TARGET_UIDS: HashMap<u32, u8> = HashMap::with_max_entries(1, 0);

/// Selected targets' names, likewise.
#[map]
pub static TARGET_COMMS: HashMap<[u64; 2], u8> = HashMap::with_max_entries(1, 0);

/// The selected control group.
#[map]
pub static CGROUP: CgroupArray = CgroupArray::with_max_entries(1, 0);

/// What the agent tells the programs as it goes. A global, which costs a load, as every program looks at
/// it.
#[repr(transparent)]
struct Doing(UnsafeCell<Orders>);

// SAFETY: only ever read, and member by member; the agent writes it.
unsafe impl Sync for Doing {}

#[unsafe(no_mangle)]
static ORDERS: Doing = Doing(UnsafeCell::new(Orders { phase: Phase::Idle as u32, generation: 0 }));

#[inline(always)]
fn phase() -> u32 {
    // SAFETY: a valid, aligned static; volatile, as the agent changes it.
    unsafe { (&raw const (*ORDERS.0.get()).phase).read_volatile() }
}

/// Which entries of the map `CROWD` are to be used: see [`sigtrace_common::crowd`].
#[inline(always)]
pub fn generation() -> u32 {
    // SAFETY: as above.
    unsafe { (&raw const (*ORDERS.0.get()).generation).read_volatile() }
}

/// Whether calls that begin are traced: attaching and detaching take the kernel seconds, and calls that
/// begin meanwhile are none of ours.
#[inline(always)]
pub fn is_tracing() -> bool {
    phase() >= Phase::Tracing as u32
}

/// Whether calls that return are.
#[inline(always)]
pub fn sees_returns() -> bool {
    phase() != Phase::Idle as u32
}

/// Whether the agent tries the probes just now, by calls of its own.
#[inline(always)]
pub fn is_trying() -> bool {
    phase() == Phase::Trying as u32
}

/// Counts a call of a row that the agent made to try its probes: its entry or its return.
#[inline(always)]
pub fn saw(row: u16, returned: bool) {
    let row = row as usize;
    if row >= SYSCALLS.len() {
        return;
    }
    if let Some(seen) = SEEN.get_ptr_mut(0) {
        // SAFETY: an aligned part of the map's element.
        unsafe {
            let seen = seen.cast::<Seen>().add(row);
            let number = if returned { &raw mut (*seen).returns } else { &raw mut (*seen).entries };
            add_u32(number, 1);
        }
    }
}

/// Whether a process or a thread with this number can be selected.
#[inline(always)]
pub fn may_be_selected(id: u32) -> bool {
    match SELECTED.get_ptr(id % sigtrace_common::SELECTED_BUCKETS) {
        // SAFETY: an element of the map; volatile, as other processors change it.
        Some(count) => unsafe { count.read_volatile() != 0 },
        None => false,
    }
}

/// One more, or with -1 one less, of the processes and threads with this number is selected.
#[inline(always)]
pub fn count_selected(id: u32, change: i32) {
    if let Some(count) = SELECTED.get_ptr_mut(id % sigtrace_common::SELECTED_BUCKETS) {
        // SAFETY: an aligned element of the map.
        unsafe { add_u32(count, change) };
    }
}

/// Counts one more of `counter`.
#[inline(always)]
pub fn count(counter: Counter) {
    // SAFETY: plain helper.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    if let Some(counters) = COUNTERS.get_ptr_mut(cpu) {
        // SAFETY: an aligned part of the map's element. Atomic, as a program may be preempted by
        // another of ours on the same processor.
        unsafe { add_u64(counters.cast::<u64>().add(counter as usize), 1) };
    }
}

/// Whether this processor has counted none of these.
#[inline(always)]
pub fn is_none_yet(counter: Counter) -> bool {
    // SAFETY: plain helper.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    // SAFETY: an aligned part of the map's element; volatile, as programs change it.
    COUNTERS.get_ptr(cpu).is_some_and(|counters| unsafe {
        counters.cast::<u64>().add(counter as usize).read_volatile() == 0
    })
}
