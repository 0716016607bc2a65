//! Callers in a pid namespace of their own: what their numbers mean outside.
//!
//! A `struct pid` has a number in each namespace from the initial one (`numbers[0]`) to its own
//! (`numbers[level]`). A namespace keeps its pids in a tree by number (`include/linux/pid.h`,
//! `include/linux/xarray.h`).

use aya_ebpf::helpers::generated::bpf_get_current_task;
use sigtrace_common::{Kind, MAX_ARGS, Record, SYSCALLS};

use crate::{config::config, kernel::member, regs::int};

/// Levels of a tree: numbers end at 2^22 (`PID_MAX_LIMIT`), and a level is worth 6 bits.
const LEVELS: usize = 4;
/// Bits of a number that a level of the tree is worth (`XA_CHUNK_SHIFT`).
const CHUNK: u64 = 63;
/// What the low bits of an entry of the tree are if it leads to a node (`xa_is_node`).
const NODE: u64 = 2;
const TAG: u64 = 3;

/// Writes down the numbers that the current thread has in its own namespace. They stay the same as
/// long as it has its number outside, and so does its slot.
#[inline(always)]
pub fn describe(record: &mut Record) {
    (record.ns_tid, record.ns_pid) = (0, 0);
    if config!(offsets.task_thread_pid) == 0 {
        return;
    }
    // SAFETY: plain helper.
    let task = unsafe { bpf_get_current_task() };
    let Some(tid) = own_number(task) else { return };
    let leader = member(task, config!(offsets.task_group_leader));
    record.ns_tid = tid;
    record.ns_pid = leader.and_then(own_number).unwrap_or(0);
}

/// The number of a task in its own namespace, unless that is the initial one.
#[inline(always)]
fn own_number(task: u64) -> Option<u32> {
    let (pid, level) = pid_and_level(task)?;
    member(number_at(pid, level), config!(offsets.pid_number))
}

/// The `struct pid` of a task, and how deep its namespace is, unless that is the initial one.
#[inline(always)]
fn pid_and_level(task: u64) -> Option<(u64, u32)> {
    let pid: u64 = member(task, config!(offsets.task_thread_pid))?;
    let level: u32 = member(pid, config!(offsets.pid_level))?;
    if level == 0 { None } else { Some((pid, level)) }
}

/// What to add a member of `pid.numbers[0]` to for the same of `pid.numbers[level]`.
#[inline(always)]
fn number_at(pid: u64, level: u32) -> u64 {
    pid.wrapping_add(u64::from(level).wrapping_mul(u64::from(config!(offsets.upid_size))))
}

/// Whom the current thread, which is in a namespace of its own, means with the number it gives in a
/// call of row `ROW`: a thread or a process by its number in the initial namespace, a process group
/// by its number's negative; 0 if nobody.
#[inline(always)]
pub fn target<const ROW: usize>(args: &[u64; MAX_ARGS]) -> i32 {
    let Some(index) = (const { named(ROW) }) else { return 0 };
    match int(args[index]) {
        given @ 1.. => outside(given as u32).unwrap_or(0),
        // 0 is the caller's own group, -1 everybody.
        -1 | 0 => 0,
        group => outside(group.wrapping_neg() as u32).unwrap_or(0).wrapping_neg(),
    }
}

/// Index of the argument that names a thread or a process, the thread if both are named.
const fn named(row: usize) -> Option<usize> {
    match SYSCALLS[row].position(Kind::Tid) {
        Some(index) => Some(index),
        None => SYSCALLS[row].position(Kind::Pid),
    }
}

/// The number in the initial namespace of what has `number` in the current task's.
#[inline(always)]
fn outside(number: u32) -> Option<i32> {
    // SAFETY: plain helper.
    let (pid, level) = pid_and_level(unsafe { bpf_get_current_task() })?;
    let ns = config!(offsets.pid_number).wrapping_add(config!(offsets.upid_ns));
    let namespace: u64 = member(number_at(pid, level), ns)?;
    let found = find(namespace, u64::from(number))?;
    member(found, config!(offsets.pid_number))
}

/// The `struct pid` that a namespace has under this number (`idr_find`, `lib/idr.c`).
#[inline(always)]
fn find(namespace: u64, number: u64) -> Option<u64> {
    let mut entry: u64 = member(namespace, config!(offsets.pid_namespace_tree))?;
    let mut i = 0;
    while i < LEVELS && entry & TAG == NODE {
        let node = entry.wrapping_sub(NODE);
        let shift: u8 = member(node, config!(offsets.xa_node_shift))?;
        let chunk = number >> (u64::from(shift) & CHUNK);
        if i == 0 && chunk > CHUNK {
            // Beyond the highest number that the tree has room for.
            return None;
        }
        let slot = (chunk & CHUNK) * 8;
        entry = member(node.wrapping_add(slot), config!(offsets.xa_node_slots))?;
        i += 1;
    }
    // A tree without nodes holds number 0 only, which no process has.
    if i > 0 && entry & TAG == 0 && entry != 0 { Some(entry) } else { None }
}
