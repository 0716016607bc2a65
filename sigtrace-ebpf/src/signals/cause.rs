//! What there is to know of why a signal is sent.

use core::ffi::c_void;

use aya_ebpf::{EbpfContext as _, programs::RawTracePointContext};
use sigtrace_common::{NO_CALL, SYSCALL_NUMBERS, fact, flag};

use super::{oom, scratch::Scratch, timer};
use crate::{
    arch,
    calls::regs::int,
    config::config,
    kernel::{
        member,
        object::Object,
        other::Other,
        stack::{Call, Stack},
        task::Task,
    },
    mechanisms::point,
    shapes::{ShapeRef, get, has},
};

/// `SEND_SIG_NOINFO` and `SEND_SIG_PRIV` (`include/linux/sched/signal.h`), in the place of an address.
const NOINFO: u64 = 0;
const PRIV: u64 = 1;

/// `PF_EXITING` and `PF_KTHREAD` (`include/linux/sched.h`).
const PF_EXITING: u32 = 0x4;
const PF_KTHREAD: u32 = 0x0020_0000;

/// `SIGNAL_STOP_STOPPED`, `SIGNAL_GROUP_EXIT`, `SIGNAL_CLD_CONTINUED` and `SIGNAL_UNKILLABLE`
/// (`include/linux/sched/signal.h`).
const SIGNAL_STOP_STOPPED: u32 = 0x1;
const SIGNAL_GROUP_EXIT: u32 = 0x4;
const SIGNAL_CLD_CONTINUED: u32 = 0x20;
const SIGNAL_UNKILLABLE: u32 = 0x40;

/// `TRACE_SIGNAL_DELIVERED` (`include/trace/events/signal.h`).
const DELIVERED: u32 = 0;

const SIGKILL: u32 = 9;
const SIGCONT: u32 = 18;
const SIGXCPU: u32 = 24;

/// A signal that is sent: what the tracepoint says.
#[derive(Clone, Copy)]
pub struct Sent {
    /// The signal.
    pub signal: u32,
    /// The address of its siginfo, or what stands for that.
    pub info: u64,
    /// The thread that it is sent to.
    pub target: Other,
    /// Whether it is sent to the process.
    pub to_process: bool,
    /// What became of it.
    pub outcome: u32,
}

impl Sent {
    /// By the arguments of the tracepoint (`TP_PROTO`, the same from 5.10 to 7.3).
    #[inline(always)]
    pub fn of(ctx: &RawTracePointContext) -> Self {
        Self {
            signal: ctx.arg(0),
            info: ctx.arg(1),
            target: Other::at(ctx.arg(2)),
            to_process: ctx.arg::<u32>(3) != 0,
            outcome: ctx.arg(4),
        }
    }

    /// Whether it has a siginfo of its own.
    #[inline(always)]
    pub fn has_info(self) -> bool {
        self.info > PRIV
    }
}

/// What the current thread has to do with it: the call that it is in, and with [`fact::CALL`] the shape of that.
#[inline(always)]
pub fn find_origin(
    ctx: &RawTracePointContext,
    scratch: Scratch,
    sent: Sent,
    (pid, tid): (u32, u32),
    (target_pid, target_tid): (u32, u32),
) -> (Call, Option<ShapeRef>) {
    let current = Task::current().address();
    let stack = Stack::current();
    let call = arch::call(stack);
    let flags: u32 = Object::current().get(config!(offsets.task_flags));
    scratch.set(fact::PROCESS, sent.to_process);
    scratch.set(fact::NOINFO, sent.info == NOINFO);
    scratch.set(fact::PRIV, sent.info == PRIV);
    scratch.set(fact::OWN_INFO, sent.has_info() && stack.has(sent.info));
    scratch.set(fact::SAME_PROCESS, pid == target_pid);
    scratch.set(fact::SAME_THREAD, tid == target_tid);
    scratch.set(fact::KERNEL_THREAD, flags & PF_KTHREAD != 0);
    scratch.set(fact::EXITING, flags & PF_EXITING != 0);
    // An interrupt that does not come from a program has a stack of its own. One that does has left no
    // number of a call.
    let is_at_work = call.number != NO_CALL || flags & PF_EXITING != 0;
    scratch.set(fact::OWN, is_at_work && stack.has(scratch.number(ctx.as_ptr())));
    // kill has a siginfo on its stack up to some 7.x, and none from there on.
    let is_its_own =
        scratch.has(fact::OWN_INFO) || scratch.has(fact::NOINFO) && !scratch.has(fact::EXITING);
    if scratch.has(fact::OWN)
        && is_its_own
        && let Some(shape) = sending(scratch, call, sent, pid == target_pid)
    {
        scratch.set(fact::CALL, true);
        return (call, Some(shape));
    }
    find_more(scratch, sent, current, target_pid);
    (call, None)
}

/// The call that sends the signal, if that is what the current thread is in.
#[inline(always)]
fn sending(scratch: Scratch, call: Call, sent: Sent, to_itself: bool) -> Option<ShapeRef> {
    if call.number >= SYSCALL_NUMBERS {
        return None;
    }
    let shape = point::at(scratch.forget(u64::from(call.number)), call.is_compat)?;
    let index = get!(shape, signal);
    let named = if index == 1 { call.args[1] } else { call.args[2] };
    if !has(shape, flag::SENDS) || int(named) as u32 != sent.signal {
        return None;
    }
    // One who ends on the way out of such a call tells its parent, whose siginfo is on the same stack. Its
    // code is above 0, with which a call sends something only to its own process
    // (`do_rt_sigqueueinfo`, `kernel/signal.c`).
    let code = scratch.info(1) as i32;
    if code <= 0 || to_itself && has(shape, flag::SENDS_SIGINFO) { Some(shape) } else { None }
}

/// What else tells why the kernel sends it.
#[inline(always)]
fn find_more(scratch: Scratch, sent: Sent, current: u64, target_pid: u32) {
    let target = sent.target.address();
    if scratch.has(fact::EXITING) {
        let signal: u64 = member(current, config!(offsets.task_signal));
        let is_leader = member::<u32>(signal, config!(offsets.signal_leader)) != 0;
        scratch.set(fact::SESSION_LEADER, is_leader);
        scratch.set(fact::NAMESPACE_INIT, is_init_of(current, target));
        let death: u32 = member(target, config!(offsets.task_pdeath_signal));
        scratch.set(fact::DEATH_SIGNAL, death == sent.signal);
        let parent: u64 = member(current, config!(offsets.task_parent));
        let parent: u32 = member(parent, config!(offsets.task_tgid));
        scratch.set(fact::CHILD, parent == target_pid);
    }
    if !sent.has_info() {
        let traced: u32 = member(target, config!(offsets.task_ptrace));
        let tracer: u64 = member(target, config!(offsets.task_parent));
        scratch.set(fact::TRACER, traced != 0 && tracer == current);
    }
    if sent.info != PRIV {
        return;
    }
    scratch.set(fact::ITIMER, timer::ran_out(sent.signal, target_pid));
    if sent.signal == SIGKILL {
        scratch.set(fact::OUT_OF_MEMORY, oom::is_under_way());
    }
    if scratch.has(fact::SAME_PROCESS) && (sent.signal == SIGKILL || sent.signal == SIGXCPU) {
        let is_hard = sent.signal == SIGKILL;
        scratch.set(fact::CPU_LIMIT, has_used_up_cpu(target, is_hard));
        scratch.set(fact::RTTIME_LIMIT, has_used_up_rttime(target, is_hard));
    }
}

/// Whether a thread is of the process that the target's pid namespace began with.
#[inline(always)]
fn is_init_of(thread: u64, target: u64) -> bool {
    let pid: u64 = member(target, config!(offsets.task_thread_pid));
    let namespace = crate::calls::namespace::own_namespace(pid);
    let reaper: u64 = member(namespace, config!(offsets.pid_namespace_child_reaper));
    reaper != 0
        && member::<u32>(reaper, config!(offsets.task_tgid))
            == member::<u32>(thread, config!(offsets.task_tgid))
}

/// `RLIM_INFINITY`, `RLIMIT_CPU` and `RLIMIT_RTTIME` (`include/uapi/asm-generic/resource.h`).
const RLIM_INFINITY: u64 = u64::MAX;
const RLIMIT_CPU: u32 = 0;
const RLIMIT_RTTIME: u32 = 15;

/// A limit of the target's: the soft one, or the hard one.
#[inline(always)]
fn limit(signal: u64, resource: u32, is_hard: bool) -> u64 {
    let offset = config!(offsets.signal_rlim) + resource * 16 + if is_hard { 8 } else { 0 };
    member(signal, offset)
}

/// Whether the process has used up so much time (`check_process_timers`, `kernel/time/posix-cpu-timers.c`).
#[inline(always)]
fn has_used_up_cpu(target: u64, is_hard: bool) -> bool {
    const NSEC_PER_SEC: u64 = 1_000_000_000;
    let signal: u64 = member(target, config!(offsets.task_signal));
    let limit = limit(signal, RLIMIT_CPU, is_hard);
    let user: u64 = member(signal, config!(offsets.signal_cputimer_utime));
    let system: u64 = member(signal, config!(offsets.signal_cputimer_stime));
    limit != RLIM_INFINITY && user.wrapping_add(system) >= limit.wrapping_mul(NSEC_PER_SEC)
}

/// Whether the thread has run for so long (`check_thread_timers`, likewise).
#[inline(always)]
fn has_used_up_rttime(target: u64, is_hard: bool) -> bool {
    let signal: u64 = member(target, config!(offsets.task_signal));
    let limit = limit(signal, RLIMIT_RTTIME, is_hard);
    let ticks: u64 = member(target, config!(offsets.task_rt_timeout));
    limit != RLIM_INFINITY && ticks.wrapping_mul(u64::from(config!(tick_us))) >= limit && ticks != 0
}

/// What is true of the target.
#[inline(always)]
pub fn find_state(scratch: Scratch, sent: Sent) {
    let (target, signal) = (Object::task(sent.target.address()), sent.signal);
    let blocked: u64 = target.get(config!(offsets.task_blocked));
    let real_blocked: u64 = target.get(config!(offsets.task_real_blocked));
    let bit = 1 << (signal.wrapping_sub(1) & 63);
    scratch.set(fact::BLOCKED, blocked & bit != 0);
    scratch.set(fact::AWAITED, real_blocked & !blocked & bit != 0);
    scratch.set(fact::TRACED, target.get::<u32>(config!(offsets.task_ptrace)) != 0);
    let flags: u32 = target.get(config!(offsets.task_flags));
    scratch.set(fact::TO_KERNEL_THREAD, flags & PF_KTHREAD != 0);
    let process = target.follow(config!(offsets.task_signal));
    let flags: u32 = process.get(config!(offsets.signal_flags));
    // What has it go on has done so already, and it has yet to say so.
    let was_stopped = signal == SIGCONT && flags & SIGNAL_CLD_CONTINUED != 0;
    scratch.set(fact::STOPPED, flags & SIGNAL_STOP_STOPPED != 0 || was_stopped);
    scratch.set(fact::UNKILLABLE, flags & SIGNAL_UNKILLABLE != 0);
    // As a process begins to end, its flags become this one (`complete_signal`, `kernel/signal.c`).
    if flags & SIGNAL_GROUP_EXIT != 0 {
        let target = sent.target.address();
        scratch.set(fact::UNKILLABLE, is_init_of(target, target));
    }
    if sent.outcome == DELIVERED {
        scratch.set(fact::FATAL, is_ending_by(process, flags, signal));
    }
}

/// Whether the kernel has decided that the signal ends the process (`complete_signal`, `kernel/signal.c`).
#[inline(always)]
pub fn is_fatal(sent: Sent) -> bool {
    let target = Object::task(sent.target.address());
    let process = target.follow(config!(offsets.task_signal));
    let flags: u32 = process.get(config!(offsets.signal_flags));
    sent.outcome == DELIVERED && is_ending_by(process, flags, sent.signal)
}

#[inline(always)]
fn is_ending_by(process: Object, flags: u32, signal: u32) -> bool {
    flags & SIGNAL_GROUP_EXIT != 0
        && process.get::<u32>(config!(offsets.signal_group_exit_code)) == signal
}

/// What the signal does: the first member of its action.
#[inline(always)]
pub fn handler(scratch: Scratch, sent: Sent) -> u64 {
    let target = Object::task(sent.target.address());
    let actions = target.follow(config!(offsets.task_sighand)).as_ptr();
    // As a number, as it is one of the actions that is wanted.
    let actions = scratch.number(actions.cast_mut().cast::<c_void>());
    let place = (sent.signal.wrapping_sub(1) & 63).wrapping_mul(config!(offsets.k_sigaction_size));
    let place = config!(offsets.sighand_action).wrapping_add(place);
    Object::action(actions.wrapping_add(u64::from(place))).get(0)
}
