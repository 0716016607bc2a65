//! Whom a signal really reached.
//!
//! The numbers a call names do not tell: a process group, every process, a number of another pid
//! namespace, a thread. The tracepoint `signal:signal_generate` fires inside the call, once for
//! each process or thread that is signalled. Attached only while targets are selected, by one of the
//! programs.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{raw_tracepoint, tracepoint},
    programs::{RawTracePointContext, TracePointContext},
};
use sigtrace_common::undecided;

use super::{filter::target_sides, identity};
use crate::{kernel::other::Other, slots};

/// Offset of `pid`, the signalled task's thread id in the initial pid namespace, in the record of
/// the tracepoint (`include/trace/events/signal.h`; the same from 5.10 to 7.3).
const PID: usize = 36;

/// A signal is being sent: if to a selected target, the call under way is selected.
#[tracepoint]
pub fn signal_generate(ctx: TracePointContext) -> u32 {
    // SAFETY: an i32 of the tracepoint's record.
    let Ok(target) = (unsafe { ctx.read_at::<i32>(PID) }) else { return 0 };
    let sides = target_sides(target as u32);
    if sides == 0 {
        return 0;
    }
    let slot = slots::find(bpf_get_current_pid_tgid() as u32);
    if !slot.is_null() {
        // SAFETY: the thread's own slot. A signal sent from an interrupt in the midst of the call
        // is no harm: it can only select one call too many.
        unsafe { (*slot).record.undecided &= !sides };
    }
    0
}

/// Index of the signalled thread's `task_struct` among the arguments of the tracepoint (`TP_PROTO`,
/// likewise the same). Of a signal for a process it is the thread that the call names, or the first one.
const TASK: usize = 2;

/// Likewise, where targets are selected by who they are.
#[raw_tracepoint(tracepoint = "signal_generate")]
pub fn thread_signalled(ctx: RawTracePointContext) -> i32 {
    select(&ctx)
}

/// A second one, for when the kernel skips the first: from 7.0 on it preempts tracepoints, and does not
/// begin a program twice on a processor.
#[raw_tracepoint(tracepoint = "signal_generate")]
pub fn thread_signalled2(ctx: RawTracePointContext) -> i32 {
    select(&ctx)
}

#[inline(always)]
fn select(ctx: &RawTracePointContext) -> i32 {
    let slot = slots::find(bpf_get_current_pid_tgid() as u32);
    // SAFETY: the thread's own slot.
    if slot.is_null() || unsafe { (*slot).record.undecided } & undecided::SIDES == 0 {
        return 0;
    }
    let sides = identity::sides(Other::at(ctx.arg(TASK)));
    // SAFETY: as above, and as in the other program.
    unsafe { (*slot).record.undecided &= !sides };
    0
}
