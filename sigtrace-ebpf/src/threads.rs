//! Threads that come and go: slots are freed, selections follow.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    helpers::bpf_get_current_pid_tgid,
    macros::{raw_tracepoint, tracepoint},
    maps::HashMap,
    programs::{RawTracePointContext, TracePointContext},
};
use aya_log_ebpf::warn;
use sigtrace_common::{Counter, select, side};

use crate::{
    calls::enter::part_with_missed,
    config::{config, selects, selects_targets_by_number},
    kernel::{
        member,
        task::{self, Task},
    },
    maps::{PIDS, THREADS, count, count_selected, is_none_yet, sees_returns},
    slots,
};

/// Offset of `pid` in the record of `task:task_newtask` (`include/trace/events/task.h`).
const NEWTASK_PID: usize = 8;
/// Offset of `clone_flags`, an unsigned long.
const NEWTASK_CLONE_FLAGS: usize = 32;
/// `CLONE_THREAD`, `include/uapi/linux/sched.h`.
const CLONE_THREAD: u64 = 0x0001_0000;

/// The current thread ends: it will return from nothing any more.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn thread_exit(_ctx: RawTracePointContext) -> i32 {
    forget_thread()
}

/// A second one, which finds nothing to do unless the kernel skipped the first: from 7.0 on it
/// preempts tracepoints, and does not begin a program twice on a processor.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn thread_exit2(_ctx: RawTracePointContext) -> i32 {
    forget_thread()
}

#[inline(never)]
fn forget_thread() -> i32 {
    let pid_tgid = bpf_get_current_pid_tgid();
    let (pid, tid) = ((pid_tgid >> 32) as u32, pid_tgid as u32);
    leave_slot(tid);
    if selects_targets_by_number() && tid != pid {
        deselect_thread(tid);
    }
    if selects(select::FOLLOW) && process_is_over() {
        forget_followed(pid);
    }
    0
}

/// A thread that was not the leader of its process becomes it by execve, and takes the leader's
/// id: what is kept under its old one is nobody's.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn thread_exec(ctx: RawTracePointContext) -> i32 {
    let old_tid: u32 = ctx.arg(1);
    if old_tid != bpf_get_current_pid_tgid() as u32 {
        leave_slot(old_tid);
        if selects_targets_by_number() {
            deselect_thread(old_tid);
        }
    }
    0
}

/// The current thread, if perhaps under its old number, returns from nothing any more: tells of the
/// call whose return was missed.
#[inline(always)]
fn leave_slot(tid: u32) {
    if sees_returns() && slots::may_be_under_way(tid) {
        part_with_missed(tid);
    }
    if !task::is_direct() {
        slots::forget(tid);
    }
}

#[inline(always)]
fn deselect_thread(tid: u32) {
    if THREADS.remove(tid).is_ok() {
        count_selected(tid, -1);
    }
}

/// Whether the current thread was the last of its process. The leader can end long before.
#[inline(always)]
fn process_is_over() -> bool {
    let (signal, live) = (config!(offsets.task_signal), config!(offsets.signal_live));
    if signal == 0 {
        return false;
    }
    // The count is taken down before the tracepoint (`do_exit`, `kernel/exit.c`).
    let signal: u64 = member(Task::current().address(), signal);
    signal != 0 && member::<i32>(signal, live) == 0
}

/// The current thread creates another, which has not run yet: what is selected about the creator
/// is selected about its child.
#[tracepoint]
pub fn task_newtask(ctx: TracePointContext) -> u32 {
    // SAFETY: members of the tracepoint's record.
    let (Ok(tid), Ok(flags)) =
        (unsafe { (ctx.read_at::<u32>(NEWTASK_PID), ctx.read_at::<u64>(NEWTASK_CLONE_FLAGS)) })
    else {
        return 0;
    };
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    let Some(sides) = PIDS.get_ptr(pid) else { return 0 };
    // SAFETY: a value of the map; it is only ever written whole.
    let sides = unsafe { *sides };
    let is_thread = flags & CLONE_THREAD != 0;
    let mut full = false;
    if !is_thread && selects(select::FOLLOW) {
        full |= select(&PIDS, tid, sides | side::FOLLOWED);
    }
    if selects_targets_by_number() && (is_thread || selects(select::FOLLOW)) {
        full |= select(&THREADS, tid, sides);
    }
    if full {
        // One is named; a fork bomb would make a line for each of thousands.
        if is_none_yet(Counter::NotFollowed) {
            warn!(&ctx, "too many processes to follow: the calls of {} are left out", tid);
        }
        count(Counter::NotFollowed);
    }
    0
}

/// Adds to a selection. Says whether it has no room.
#[inline(always)]
fn select(selection: &HashMap<u32, u32>, id: u32, sides: u32) -> bool {
    // Counted first, so that nobody who looks there misses what is in the map.
    count_selected(id, 1);
    let failed = selection.insert(id, sides, u64::from(BPF_NOEXIST)).is_err();
    if failed {
        count_selected(id, -1);
    }
    // The agent may have been the first.
    failed && selection.get_ptr(id).is_none()
}

#[inline(always)]
fn forget_followed(pid: u32) {
    if let Some(sides) = PIDS.get_ptr(pid) {
        // SAFETY: as above.
        if unsafe { *sides } & side::FOLLOWED != 0 {
            if PIDS.remove(pid).is_ok() {
                count_selected(pid, -1);
            }
            if selects_targets_by_number() {
                deselect_thread(pid);
            }
        }
    }
}
