//! Threads that come and go: slots are freed, selections follow.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{raw_tracepoint, tracepoint},
    programs::{RawTracePointContext, TracePointContext},
};
use aya_log_ebpf::warn;
use sigtrace_common::{select, side};

use crate::{
    capture::flush_missed,
    config::{selects, selects_targets},
    maps::{PENDING, PIDS, THREADS},
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
    let pid_tgid = bpf_get_current_pid_tgid();
    let (pid, tid) = ((pid_tgid >> 32) as u32, pid_tgid as u32);
    if let Some(slot) = PENDING.get_ptr_mut(tid) {
        // SAFETY: the thread's own slot.
        flush_missed(unsafe { &mut *slot });
        let _ = PENDING.remove(tid);
    }
    if selects_targets() && tid != pid {
        let _ = THREADS.remove(tid);
    }
    if selects(select::FOLLOW) && tid == pid {
        forget_followed(pid);
    }
    0
}

/// A thread that was not the leader of its process becomes it by execve, and takes the leader's
/// id: the slot under its old one is nobody's.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn thread_exec(ctx: RawTracePointContext) -> i32 {
    let old_tid: u32 = ctx.arg(1);
    if old_tid != bpf_get_current_pid_tgid() as u32 {
        let _ = PENDING.remove(old_tid);
    }
    0
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
    let selected = if flags & CLONE_THREAD != 0 {
        THREADS.insert(tid, sides, 0)
    } else if selects(select::FOLLOW) {
        let sides = sides | side::FOLLOWED;
        PIDS.insert(tid, sides, 0).and_then(|()| THREADS.insert(tid, sides, 0))
    } else {
        Ok(())
    };
    if selected.is_err() {
        warn!(&ctx, "too many processes to follow: the calls of {} are left out", tid);
    }
    0
}

#[inline(always)]
fn forget_followed(pid: u32) {
    if let Some(sides) = PIDS.get_ptr(pid) {
        // SAFETY: as above.
        if unsafe { *sides } & side::FOLLOWED != 0 {
            let _ = PIDS.remove(pid);
            let _ = THREADS.remove(pid);
        }
    }
}
