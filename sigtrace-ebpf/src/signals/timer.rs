//! Interval timers that run out: `setitimer(2)`, `alarm(2)`.
//!
//! The kernel fires `timer:itimer_expire`, then sends the signal (`it_real_fn`, `kernel/time/itimer.c`;
//! `check_cpu_itimer`, `kernel/time/posix-cpu-timers.c`), on the same processor and with nothing between.

use aya_ebpf::{
    macros::{map, raw_tracepoint},
    maps::PerCpuArray,
    programs::RawTracePointContext,
};

use crate::{config::config, kernel::member};

const SIGALRM: u32 = 14;
const SIGVTALRM: u32 = 26;
const SIGPROF: u32 = 27;

/// Whose timer ran out last on the processor, and the signal that is due; 0 once that was sent.
#[map]
static ITIMER: PerCpuArray<[u32; 2]> = PerCpuArray::with_max_entries(1, 0);

/// An interval timer ran out: `ITIMER_REAL`, `ITIMER_VIRTUAL` or `ITIMER_PROF`, which are 0, 1 and 2
/// (`include/uapi/linux/time.h`), of the process with this `struct pid`.
#[raw_tracepoint(tracepoint = "itimer_expire")]
pub fn itimer_expire(ctx: RawTracePointContext) -> i32 {
    let (which, pid): (u32, u64) = (ctx.arg(0), ctx.arg(1));
    let signal = match which {
        0 => SIGALRM,
        1 => SIGVTALRM,
        _ => SIGPROF,
    };
    if let Some(due) = ITIMER.get_ptr_mut(0) {
        let number = member(pid, config!(offsets.pid_number));
        // SAFETY: an aligned element of the map; interrupts are off, or it is the timer's that is served.
        unsafe { due.write_volatile([number, signal]) };
    }
    0
}

/// Whether it is because of that that a process gets this signal.
#[inline(always)]
pub fn ran_out(signal: u32, pid: u32) -> bool {
    if !matches!(signal, SIGALRM | SIGVTALRM | SIGPROF) {
        return false;
    }
    let Some(due) = ITIMER.get_ptr_mut(0) else { return false };
    // SAFETY: as above.
    unsafe {
        let is_due = due.read_volatile() == [pid, signal];
        due.write_volatile([0; 2]);
        is_due
    }
}
