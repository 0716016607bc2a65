//! Processes that the kernel ends as it is out of memory.
//!
//! `out_of_memory` (`mm/oom_kill.c`) is given what is known of the situation, and sends SIGKILL, which neither
//! the signal nor `oom:mark_victim` says.

use aya_ebpf::{
    bindings::BPF_ANY,
    helpers::bpf_get_current_pid_tgid,
    macros::{kprobe, kretprobe, map},
    maps::LruHashMap,
    programs::{ProbeContext, RetProbeContext},
};

use sigtrace_common::fact;

use crate::{config::config, kernel::member};

/// Threads in that function, by id: the memory cgroup that is out of memory, 0 if the machine is, and how many
/// pages it may use.
#[map]
static OUT_OF_MEMORY: LruHashMap<u32, [u64; 2]> = LruHashMap::with_max_entries(1, 0);

/// The current thread looks for memory by ending a process.
#[kprobe]
pub fn out_of_memory(ctx: ProbeContext) -> u32 {
    let control: u64 = ctx.arg(0).unwrap_or(0);
    let group: u64 = member(control, config!(offsets.oom_control_memcg));
    // Of no group, both are read as 0.
    let situation = [id(group), pages(group)];
    let _ = OUT_OF_MEMORY.insert(tid(), situation, u64::from(BPF_ANY));
    0
}

/// It has done so.
#[kretprobe]
pub fn out_of_memory_return(_ctx: RetProbeContext) -> u32 {
    let _ = OUT_OF_MEMORY.remove(tid());
    0
}

/// The id of a memory cgroup, which is that of its directory.
#[inline(always)]
fn id(group: u64) -> u64 {
    let cgroup: u64 = member(group, config!(offsets.mem_cgroup_cgroup));
    let node: u64 = member(cgroup, config!(offsets.cgroup_kn));
    member(node, config!(offsets.kernfs_node_id))
}

/// How many pages it may use: `memory.max`.
#[inline(always)]
fn pages(group: u64) -> u64 {
    member(group, config!(offsets.mem_cgroup_memory_max))
}

#[inline(always)]
fn tid() -> u32 {
    bpf_get_current_pid_tgid() as u32
}

/// Whether the current thread is in there.
#[inline(always)]
pub fn is_under_way() -> bool {
    OUT_OF_MEMORY.get_ptr(tid()).is_some()
}

/// Writes down what it is out of, as in [`OUT_OF_MEMORY`], if these facts say that it is.
///
/// # Safety
///
/// There must be room for two words.
#[inline(always)]
pub unsafe fn describe(facts: u32, to: *mut u64) {
    // SAFETY: the caller's promise. Volatile, as otherwise the compiler makes a loop of it.
    unsafe {
        to.write_volatile(0);
        to.add(1).write_volatile(0);
    }
    if facts & fact::OUT_OF_MEMORY != 0
        && let Some(situation) = OUT_OF_MEMORY.get_ptr(tid())
    {
        // SAFETY: likewise; a value of the map, which only this thread writes.
        unsafe {
            to.write_volatile((*situation)[0]);
            to.add(1).write_volatile((*situation)[1]);
        }
    }
}
