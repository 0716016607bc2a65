//! Processes that end by a signal.
//!
//! `sched_process_exit` fires for each thread, when it is known how that ends. How the process does is known when
//! its last thread ends.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    helpers::{
        bpf_get_current_pid_tgid,
        generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns},
    },
    macros::{map, raw_tracepoint},
    maps::LruHashMap,
    programs::RawTracePointContext,
};
use sigtrace_common::{Counter, Exit, Header, RecordKind, ending, kinds, select};

use crate::{
    arch::{self, NATIVE},
    calls::filter,
    config::{config, selects},
    emit::emit,
    kernel::{member, other::Other, stack::Stack, task::Task},
    maps::{count, is_tracing},
    shares,
    signals::fatal,
};

/// The ends that were met, by process id and the time when the process began. Of the threads that end last
/// several can find that none lives: the count is taken down before the trace point. Those that are no use any more
/// make room; the agent sets the size.
#[map]
static ENDED: LruHashMap<[u64; 2], u8> = LruHashMap::with_max_entries(1, 0);

/// `SIGNAL_GROUP_EXIT` (`include/linux/sched/signal.h`): the process has a status of its own.
const SIGNAL_GROUP_EXIT: u32 = 4;

/// `PF_KTHREAD` (`include/linux/sched.h`): a thread of the kernel. Up to 5.16 what its function returned is its
/// status, which can look as if a signal had ended it (`kthread`, `kernel/kthread.c`).
const PF_KTHREAD: u32 = 0x0020_0000;

/// The current thread ends.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit(_ctx: RawTracePointContext) -> i32 {
    tell()
}

/// A second one, which finds nothing to do unless the kernel skipped the first: from 7.0 on it
/// preempts tracepoints, and does not begin a program twice on a processor.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit2(_ctx: RawTracePointContext) -> i32 {
    tell()
}

/// And a third: threads were seen to be preempted in both on one processor, as they end where much else does.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit3(_ctx: RawTracePointContext) -> i32 {
    tell()
}

/// Tells that the process is over, if it is, and if that is by a signal.
#[inline(always)]
fn tell() -> i32 {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    if !is_tracing() || selects(select::NOT_SELF) && pid == config!(self_pid) {
        return 0;
    }
    let task = Task::current().address();
    if member::<u32>(task, config!(offsets.task_flags)) & PF_KTHREAD != 0 {
        return 0;
    }
    let signal: u64 = member(task, config!(offsets.task_signal));
    if member::<i32>(signal, config!(offsets.signal_live)) != 0 {
        return 0;
    }
    let leader: u64 = member(task, config!(offsets.task_group_leader));
    let status = status(signal, leader);
    if status & Exit::SIGNAL == 0 {
        return 0;
    }
    let start_ns: u64 = member(leader, config!(offsets.task_start_boottime));
    let who = [u64::from(pid), start_ns];
    let leader = Other::at(leader);
    let (comm, (uid, gid)) = (leader.comm(), Task::current().uid_gid());
    // Before it is known who tells: as soon as it is, others forget that the process was selected.
    let is_selected = filter::ended(pid, (status & Exit::SIGNAL) as i32, uid, comm, leader);
    // Another reason for failing is no reason not to tell.
    if ENDED.insert(who, 0, u64::from(BPF_NOEXIST)).is_err() && ENDED.get_ptr(who).is_some() {
        return 0;
    }
    if !is_selected {
        count(Counter::ExitLeftOut);
        return 0;
    }
    let fatal_ns = if config!(kinds) & kinds::SIGNALS == 0 {
        Some(0)
    } else {
        fatal::find(pid, start_ns, status & Exit::SIGNAL)
    };
    let mut ending = if fatal_ns.is_none() { ending::BY_NO_SIGNAL } else { 0 };
    if seccomp_ends_by(task, status & Exit::SIGNAL) {
        ending |= ending::SECCOMP;
    }
    let call = arch::call(Stack::current());
    let size = size_of::<Exit>();
    let record = Exit {
        header: Header {
            kind: RecordKind::Exit as u8,
            version: RecordKind::Exit.version(),
            length: size as u16,
            // SAFETY: plain helper.
            cpu: unsafe { bpf_get_smp_processor_id() as u16 },
            more: 0,
        },
        // SAFETY: plain helper.
        time_ns: unsafe { bpf_ktime_get_boot_ns() },
        start_ns,
        cgroup: if selects(select::CONTEXT) { Task::current().cgroup() } else { 0 },
        comm: bytes(comm),
        pid,
        ppid: Task::current().ppid(),
        uid,
        gid,
        status,
        execs: if selects(select::CONTEXT) {
            member(task, config!(offsets.task_self_exec_id))
        } else {
            0
        },
        fatal_ns: fatal_ns.unwrap_or(0),
        number: call.number,
        abi: if call.is_compat { NATIVE.compat() as u8 } else { NATIVE as u8 },
        ending,
        reserved: 0,
    };
    if !shares::leaves_room(size as u32) || !emit(&record, size) {
        count(Counter::ExitLost);
    }
    0
}

/// Whether the thread is in a mode of seccomp that ends processes by this signal: strict mode does by `SIGKILL`, a
/// filter by `SIGSYS`. From 5.17 on a thread that is being ended has a mode of its own
/// (`include/uapi/linux/seccomp.h`, `SECCOMP_MODE_DEAD` in `kernel/seccomp.c`).
#[inline(always)]
fn seccomp_ends_by(task: u64, signal: u32) -> bool {
    const STRICT: u32 = 1;
    const FILTER: u32 = 2;
    const DEAD: u32 = 3;
    const SIGKILL: u32 = 9;
    let offset = config!(offsets.task_seccomp);
    if offset == 0 {
        return false;
    }
    let mode: u32 = member(task, offset);
    mode == DEAD || mode == if signal == SIGKILL { STRICT } else { FILTER }
}

/// How the process ended: as `wait4(2)` finds it (`wait_task_zombie`, `kernel/exit.c`).
#[inline(always)]
fn status(signal: u64, leader: u64) -> u32 {
    let flags: u32 = member(signal, config!(offsets.signal_flags));
    let status: u32 = if flags & SIGNAL_GROUP_EXIT != 0 {
        member(signal, config!(offsets.signal_group_exit_code))
    } else {
        member(leader, config!(offsets.task_exit_code))
    };
    status & (Exit::SIGNAL | Exit::CORE)
}

/// The bytes of a name.
#[inline(always)]
pub fn bytes(words: [u64; 2]) -> [u8; 16] {
    // SAFETY: integers of the same size, in the order of the bytes.
    unsafe { core::mem::transmute(words) }
}
