//! Processes that come, go and change, so that the agent knows who they are when a call names them. Attached
//! only with `--context`.
//!
//! They tell from before tracing begins, as the agent looks at /proc meanwhile. What the kernel skips, or has
//! no room for, the agent finds out by the tags in other records: it knows nothing then, and nothing wrong.

mod iterator;
pub mod mappings;
mod paths;
mod scratch;
mod told;

use core::ffi::c_void;

use aya_ebpf::{
    helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns, bpf_probe_read_user},
    macros::{map, raw_tracepoint},
    maps::PerCpuArray,
    programs::RawTracePointContext,
};
use sigtrace_common::{Counter, End, Header, Offsets, Process, RecordKind, Rename, select};

use self::scratch::{LARGE, SMALL, Scratch};
use crate::{
    calls::own_number,
    config::{config, selects},
    emit::emit,
    kernel::{
        member,
        other::{self, Other},
        task::Task,
    },
    maps::count,
    processes::bytes,
    shares,
};

/// Where the record of an execution is put together: it has more bytes than a stack. Each program has one of
/// its own, as from 7.0 on it can be preempted for another of ours.
#[map]
static EXECS: PerCpuArray<Scratch<Process, LARGE>> = PerCpuArray::with_max_entries(1, 0);
#[map]
static EXECS2: PerCpuArray<Scratch<Process, LARGE>> = PerCpuArray::with_max_entries(1, 0);
/// That of a new process, …
#[map]
static FORKS: PerCpuArray<Scratch<Process, SMALL>> = PerCpuArray::with_max_entries(1, 0);
#[map]
static FORKS2: PerCpuArray<Scratch<Process, SMALL>> = PerCpuArray::with_max_entries(1, 0);
/// … and of one that is moved.
#[map]
static MOVES: PerCpuArray<Scratch<Process, SMALL>> = PerCpuArray::with_max_entries(1, 0);
#[map]
static MOVES2: PerCpuArray<Scratch<Process, SMALL>> = PerCpuArray::with_max_entries(1, 0);

/// `PF_KTHREAD` (`include/linux/sched.h`): a thread of the kernel.
const PF_KTHREAD: u32 = 0x0020_0000;
/// `PIDTYPE_SID` (`include/linux/pid_types.h`).
const PIDTYPE_SID: u32 = 3;

/// The current process executes something: `(struct task_struct *, pid_t old_pid, struct linux_binprm *)`. It has
/// its new memory by then, and if the thread was not the first one of the process, the number and the start
/// of that (`exec_binprm`, `fs/exec.c`).
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn process_exec(ctx: RawTracePointContext) -> i32 {
    exec(&ctx, &EXECS)
}

/// A second one, which finds nothing to do unless the kernel skipped the first: from 7.0 on it preempts
/// tracepoints, and does not begin a program twice on a processor.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn process_exec2(ctx: RawTracePointContext) -> i32 {
    exec(&ctx, &EXECS2)
}

#[inline(always)]
fn exec(ctx: &RawTracePointContext, records: &PerCpuArray<Scratch<Process, LARGE>>) -> i32 {
    let task = Task::current().address();
    if !told::is_news(task, member::<u32>(task, config!(offsets.task_self_exec_id))) {
        return 0;
    }
    let Some(scratch) = records.get_ptr_mut(0) else { return 0 };
    scratch::begin(scratch);
    let mut flags = 0;
    let mm: u64 = member(task, config!(offsets.task_mm));
    flags |= paths::exe(scratch, mm);
    let exe_length = scratch::length(scratch);
    flags |= script(scratch, ctx.arg(2));
    let script_length = scratch::length(scratch) - exe_length;
    let before = exe_length + script_length;
    flags |= paths::cgroup(scratch, task);
    let cgroup_length = scratch::length(scratch) - before;
    let before = before + cgroup_length;
    if selects(select::ARGS) {
        flags |= arguments(scratch, mm);
    }
    let args_length = scratch::length(scratch) - before;
    describe(scratch, task, RecordKind::Exec, flags);
    // SAFETY: the program's own.
    unsafe {
        let process = &raw mut (*scratch).head;
        (*process).exe_length = exe_length as u16;
        (*process).script_length = script_length as u16;
        (*process).cgroup_length = cgroup_length as u16;
        (*process).args_length = args_length as u16;
    }
    finish(scratch);
    0
}

/// The current thread creates another: `(struct task_struct *, unsigned long clone_flags)`, u64 from 6.18 on.
/// That has its numbers and its control group, and has not run (the end of `copy_process`, `kernel/fork.c`).
#[raw_tracepoint(tracepoint = "task_newtask")]
pub fn process_fork(ctx: RawTracePointContext) -> i32 {
    fork(ctx.arg(0), &FORKS)
}

/// A second one, likewise.
#[raw_tracepoint(tracepoint = "task_newtask")]
pub fn process_fork2(ctx: RawTracePointContext) -> i32 {
    fork(ctx.arg(0), &FORKS2)
}

#[inline(always)]
fn fork(task: u64, records: &PerCpuArray<Scratch<Process, SMALL>>) -> i32 {
    if !is_first(task)
        || member::<u32>(task, config!(offsets.task_flags)) & PF_KTHREAD != 0
        || !told::is_news(task, 0)
    {
        return 0;
    }
    let Some(scratch) = records.get_ptr_mut(0) else { return 0 };
    scratch::begin(scratch);
    let creator = Task::current().address();
    let moves = paths::group(task) != paths::group(creator);
    let flags = if moves { paths::cgroup(scratch, task) } else { 0 };
    describe(scratch, task, RecordKind::Fork, flags);
    let leader: u64 = member(creator, config!(offsets.task_group_leader));
    // SAFETY: the program's own.
    unsafe {
        let process = &raw mut (*scratch).head;
        (*process).creator = member(creator, config!(offsets.task_tgid));
        (*process).creator_start_ns = member(leader, config!(offsets.task_start_boottime));
        (*process).cgroup_length = scratch::length(scratch) as u16;
    }
    finish(scratch);
    0
}

/// A process is moved to a control group: `(struct cgroup *, const char *path, struct task_struct *, bool
/// threadgroup)`. It is there by then (`cgroup_attach_task`, `kernel/cgroup/cgroup.c`). In every hierarchy: only
/// one is looked at.
#[raw_tracepoint(tracepoint = "cgroup_attach_task")]
pub fn process_move(ctx: RawTracePointContext) -> i32 {
    move_to_group(&ctx, &MOVES)
}

/// A second one, likewise: what is told twice is the same.
#[raw_tracepoint(tracepoint = "cgroup_attach_task")]
pub fn process_move2(ctx: RawTracePointContext) -> i32 {
    move_to_group(&ctx, &MOVES2)
}

#[inline(always)]
fn move_to_group(
    ctx: &RawTracePointContext,
    records: &PerCpuArray<Scratch<Process, SMALL>>,
) -> i32 {
    let (group, task): (u64, u64) = (ctx.arg(0), ctx.arg(2));
    if !is_first(task) || member::<u64>(group, config!(offsets.cgroup_kn)) != paths::group(task) {
        return 0;
    }
    let Some(scratch) = records.get_ptr_mut(0) else { return 0 };
    scratch::begin(scratch);
    let flags = paths::cgroup(scratch, task);
    describe(scratch, task, RecordKind::Move, flags);
    // SAFETY: the program's own.
    unsafe { (*scratch).head.cgroup_length = scratch::length(scratch) as u16 };
    finish(scratch);
    0
}

/// The current thread ends, and with the last one the process: the count is taken down before
/// (`do_exit`, `kernel/exit.c`).
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_end(_ctx: RawTracePointContext) -> i32 {
    let task = Task::current().address();
    let signal: u64 = member(task, config!(offsets.task_signal));
    if member::<i32>(signal, config!(offsets.signal_live)) != 0 {
        return 0;
    }
    let leader: u64 = member(task, config!(offsets.task_group_leader));
    let record = End {
        header: header(RecordKind::End, size_of::<End>() as u16),
        // SAFETY: plain helper.
        time_ns: unsafe { bpf_ktime_get_boot_ns() },
        start_ns: member(leader, config!(offsets.task_start_boottime)),
        pid: member(task, config!(offsets.task_tgid)),
        reserved: 0,
    };
    put(&record, size_of::<End>());
    0
}

/// A thread is given a name: `(struct task_struct *, const char *comm)` (`__set_task_comm`, `fs/exec.c`).
#[raw_tracepoint(tracepoint = "task_rename")]
pub fn process_rename(ctx: RawTracePointContext) -> i32 {
    rename(&ctx)
}

/// A second one, likewise: what is told twice is the same.
#[raw_tracepoint(tracepoint = "task_rename")]
pub fn process_rename2(ctx: RawTracePointContext) -> i32 {
    rename(&ctx)
}

#[inline(always)]
fn rename(ctx: &RawTracePointContext) -> i32 {
    let (task, name): (u64, u64) = (ctx.arg(0), ctx.arg(1));
    if !is_first(task) {
        return 0;
    }
    let record = Rename {
        header: header(RecordKind::Rename, size_of::<Rename>() as u16),
        start_ns: member(task, config!(offsets.task_start_boottime)),
        comm: bytes(other::name(name)),
        pid: member(task, config!(offsets.task_tgid)),
        reserved: 0,
    };
    put(&record, size_of::<Rename>());
    0
}

/// Whether a thread is the first one of its process.
#[inline(always)]
fn is_first(task: u64) -> bool {
    let (pid, tgid) = (config!(offsets.task_pid), config!(offsets.task_tgid));
    member::<u32>(task, pid) == member::<u32>(task, tgid)
}

#[inline(always)]
fn header(kind: RecordKind, length: u16) -> Header {
    // SAFETY: plain helper.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    Header { kind: kind as u8, version: kind.version(), length, cpu: cpu as u16, more: 0 }
}

/// The path of a script, if the current process executes one: then what is executed is not what was asked for
/// (`bprm_change_interp`, `fs/exec.c`).
#[inline(always)]
fn script(scratch: *mut Scratch<Process, LARGE>, binprm: u64) -> u32 {
    let filename: u64 = member(binprm, config!(offsets.binprm_filename));
    let interp: u64 = member(binprm, config!(offsets.binprm_interp));
    if filename == interp || filename == 0 {
        return 0;
    }
    match scratch::append_script(scratch, filename) {
        scratch::Appended::Whole => Process::SCRIPT,
        _ => 0,
    }
}

/// The arguments of the current process, as far as there is room.
#[inline(always)]
fn arguments(scratch: *mut Scratch<Process, LARGE>, mm: u64) -> u32 {
    let start: u64 = member(mm, config!(offsets.mm_arg_start));
    let end: u64 = member(mm, config!(offsets.mm_arg_end));
    let total = end.wrapping_sub(start);
    // SAFETY: the program's own.
    unsafe { (*scratch).head.args_total = total };
    let (to, size) = scratch::room_for_arguments(scratch, total);
    // SAFETY: plain helper, which checks the source; the destination has the room.
    let failed = unsafe { bpf_probe_read_user(to.cast::<c_void>(), size, start as *const c_void) };
    if failed != 0 {
        return 0;
    }
    scratch::add(scratch, size);
    Process::ARGS
}

/// Writes down who a process is, its first thread being `task`.
#[inline(always)]
fn describe<const SIZE: usize>(
    scratch: *mut Scratch<Process, SIZE>,
    task: u64,
    kind: RecordKind,
    flags: u32,
) {
    let parent: u64 = member(task, config!(offsets.task_real_parent));
    let parent_leader: u64 = member(parent, config!(offsets.task_group_leader));
    let signal: u64 = member(task, config!(offsets.task_signal));
    let session: u64 = member(signal, config!(offsets.signal_pids) + PIDTYPE_SID * 8);
    let loginuid = config!(offsets.task_loginuid);
    let comm = Other::at(task).comm();
    // SAFETY: the program's own.
    unsafe {
        let process = &raw mut (*scratch).head;
        (*process).header = header(kind, 0);
        (*process).time_ns = bpf_ktime_get_boot_ns();
        (*process).start_ns = member(task, config!(offsets.task_start_boottime));
        (*process).parent_start_ns = member(parent_leader, config!(offsets.task_start_boottime));
        (*process).cgroup = member(paths::group(task), config!(offsets.kernfs_node_id));
        (&raw mut (*process).comm).cast::<[u64; 2]>().write(comm);
        (*process).pid = member(task, config!(offsets.task_tgid));
        (*process).ppid = member(parent, config!(offsets.task_tgid));
        (*process).execs = member(task, config!(offsets.task_self_exec_id));
        (*process).loginuid = if loginuid == Offsets::MISSING {
            Process::UNKNOWN_UID
        } else {
            member(task, loginuid)
        };
        (*process).session = member(session, config!(offsets.pid_number));
        (*process).ns_pid = own_number(task);
        (*process).flags = flags;
    }
}

/// Puts the record into the ring.
#[inline(always)]
fn finish<const SIZE: usize>(scratch: *mut Scratch<Process, SIZE>) {
    let size = size_of::<Process>() + scratch::bounded_length(scratch) as usize;
    // SAFETY: the program's own.
    let scratch = unsafe {
        (*scratch).head.header.length = size as u16;
        &*scratch
    };
    put(scratch, size);
}

#[inline(always)]
fn put<T>(record: &T, size: usize) {
    if !shares::leaves_room(size as u32) || !emit(record, size) {
        count(Counter::ProcessLost);
    }
}
