//! Callers in a pid namespace of their own: what their numbers mean outside.
//!
//! A `struct pid` has a number in each namespace from the initial one (`numbers[0]`) to its own
//! (`numbers[level]`). A namespace keeps its pids in a tree by number (`include/linux/pid.h`,
//! `include/linux/xarray.h`).

use sigtrace_common::{NO_ARG, Record};

use super::{regs::int, user};
use crate::{
    config::config,
    kernel::{
        member,
        task::{self, Task},
    },
    shapes::{ShapeRef, get},
};

/// Levels of a tree: numbers end at 2^22 (`PID_MAX_LIMIT`), and a level is worth 6 bits.
const LEVELS: usize = 4;
/// Bits of a number that a level of the tree is worth (`XA_CHUNK_SHIFT`).
const CHUNK: u64 = 63;
/// What the low bits of an entry of the tree are if it leads to a node (`xa_is_node`).
const NODE: u64 = 2;
const TAG: u64 = 3;

/// Writes down the numbers that the current thread has in its own namespace, and says whether that is
/// another than the initial one. They stay the same as long as it has its numbers outside: where
/// looking is dear it is done only if the slot's last call was another's.
#[inline(always)]
pub fn describe(record: &mut Record, pid: u32, tid: u32) -> bool {
    if task::is_direct() && Task::current().level() == 0 {
        (record.ns_tid, record.ns_pid) = (0, 0);
        return false;
    }
    if record.tid != tid || record.pid != pid {
        look(record);
    }
    record.ns_tid != 0
}

#[inline(never)]
fn look(record: &mut Record) {
    let task = Task::current().address();
    record.ns_tid = own_number(task);
    record.ns_pid = own_number(member(task, config!(offsets.task_group_leader)));
}

/// The number of a task in its own namespace, 0 if that is the initial one.
#[inline(always)]
pub fn own_number(task: u64) -> u32 {
    if config!(offsets.task_thread_pid) == 0 {
        return 0;
    }
    let pid = member(task, config!(offsets.task_thread_pid));
    let level: u32 = member(pid, config!(offsets.pid_level));
    let number = member(number_at(pid, level), config!(offsets.pid_number));
    if level == 0 { 0 } else { number }
}

/// What to add a member of `pid.numbers[0]` to for the same of `pid.numbers[level]`.
#[inline(always)]
fn number_at(pid: u64, level: u32) -> u64 {
    pid.wrapping_add(u64::from(level).wrapping_mul(u64::from(config!(offsets.upid_size))))
}

/// Whom the current thread, which is in a namespace of its own, means with the number it gives in a
/// call of this shape: a thread or a process by its number in the initial namespace, a process group
/// by its number's negative; 0 if nobody.
#[inline(always)]
pub fn target(shape: ShapeRef, record: &Record) -> i32 {
    // The thread if both are named.
    let [process, thread] = [get!(shape, numbers[0]), get!(shape, numbers[1])];
    let index = if thread == NO_ARG { process } else { thread };
    if index == NO_ARG {
        return 0;
    }
    match int(user::arg(record, index)) {
        given @ 1.. => outside(given as u32),
        // 0 is the caller's own group, -1 everybody.
        -1 | 0 => 0,
        group => outside(group.wrapping_neg() as u32).wrapping_neg(),
    }
}

/// The number in the initial namespace of what has `number` in the current task's; 0 if nothing has.
#[inline(never)]
fn outside(number: u32) -> i32 {
    let (pid, level) = own_pid();
    if level == 0 {
        return 0;
    }
    let found = find(namespace(pid, level), u64::from(number));
    if found == 0 { 0 } else { member(found, config!(offsets.pid_number)) }
}

/// The `struct pid` that has this number in the current thread's own namespace; 0 if none has.
#[inline(always)]
pub fn pid(number: u32) -> u64 {
    let (pid, level) = own_pid();
    find(namespace(pid, level), u64::from(number))
}

/// The current thread's `struct pid`, and its level.
#[inline(always)]
fn own_pid() -> (u64, u32) {
    let pid = member(Task::current().address(), config!(offsets.task_thread_pid));
    (pid, member(pid, config!(offsets.pid_level)))
}

/// The namespace in which a `struct pid` has its number at this level.
#[inline(always)]
fn namespace(pid: u64, level: u32) -> u64 {
    let ns = config!(offsets.pid_number).wrapping_add(config!(offsets.upid_ns));
    member(number_at(pid, level), ns)
}

/// The `struct pid` that a namespace has under this number (`idr_find`, `lib/idr.c`); 0 if none.
#[inline(always)]
fn find(namespace: u64, number: u64) -> u64 {
    let mut entry: u64 = member(namespace, config!(offsets.pid_namespace_tree));
    let mut i = 0;
    while i < LEVELS && entry & TAG == NODE {
        let node = entry.wrapping_sub(NODE);
        let shift: u8 = member(node, config!(offsets.xa_node_shift));
        let chunk = number >> (u64::from(shift) & CHUNK);
        if i == 0 && chunk > CHUNK {
            // Beyond the highest number that the tree has room for.
            return 0;
        }
        let slot = (chunk & CHUNK) * 8;
        entry = member(node.wrapping_add(slot), config!(offsets.xa_node_slots));
        i += 1;
    }
    // A tree without nodes holds number 0 only, which no process has.
    if i > 0 && entry & TAG == 0 { entry } else { 0 }
}
