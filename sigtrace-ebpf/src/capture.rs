//! The two paths every probe takes: into a call, and out of it.

use core::ffi::c_void;

use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid, bpf_get_current_uid_gid,
    generated::{
        bpf_get_current_cgroup_id, bpf_get_current_comm, bpf_get_current_task,
        bpf_get_smp_processor_id, bpf_ktime_get_boot_ns, bpf_probe_read_kernel,
    },
};
use sigtrace_common::{
    Abi, Access, Capture, Counter, DATA_OFFSET, DATA_SIZE, Hook, MAX_ARGS, Outcome, Record,
    SYSCALLS, State, undecided,
};

use crate::{
    abi::NATIVE,
    config::config,
    emit::emit,
    filter::{self, Verdict},
    kernel::member,
    maps::{
        PENDING, count, count_under_way, is_tracing, may_be_under_way, new_slot, remove_slot,
        slots_are_scarce,
    },
    namespace, pidfd,
    signalfd::emit_read,
    user,
};

/// Where a call's arguments come from.
pub trait Source {
    /// The argument registers, as many as the call has; the rest is zero. `None` if they cannot be
    /// read.
    fn args(&self) -> Option<[u64; MAX_ARGS]>;

    /// The binary interface of the call.
    fn abi(&self) -> Abi;

    /// Captures what no argument leads to.
    fn look(&self, record: &mut Record, abi: Abi);
}

/// What a new slot starts as.
static EMPTY: Record = Record {
    entered_ns: 0,
    duration_ns: 0,
    ret: 0,
    args: [0; MAX_ARGS],
    cgroup: 0,
    tid: 0,
    pid: 0,
    uid: 0,
    gid: 0,
    ppid: 0,
    cpu: 0,
    comm: [0; 16],
    target: 0,
    syscall: 0,
    abi: 0,
    state: State::Idle as u8,
    captures: [0; MAX_ARGS],
    undecided: 0,
    ns_pid: 0,
    ns_tid: 0,
    data: [0; DATA_SIZE],
};

/// EFAULT: what a call returns whose memory the kernel could not read either.
const EFAULT: i64 = -14;
/// EBADF: what pidfd_send_signal returns for a file that is no pidfd.
const EBADF: i64 = -9;
/// EINVAL: what it returns, too, before it has looked at the file.
const EINVAL: i64 = -22;

/// A thread enters the call in row `ROW`.
#[inline(always)]
pub fn enter<const ROW: usize>(source: &impl Source) {
    let pid_tgid = bpf_get_current_pid_tgid();
    let (pid, tid) = ((pid_tgid >> 32) as u32, pid_tgid as u32);

    if !is_tracing() {
        return forget_missed(tid);
    }
    let verdict = filter::caller::<ROW>(pid, tid);
    if matches!(verdict, Verdict::Drop) {
        forget_missed(tid);
        return count(Counter::Filtered);
    }
    let Some(args) = source.args() else {
        forget_missed(tid);
        return count(Counter::RegistersUnreadable);
    };
    let verdict = filter::arguments::<ROW>(&args, verdict);
    if matches!(verdict, Verdict::Drop) {
        forget_missed(tid);
        return count(Counter::Filtered);
    }
    let slot = match PENDING.get_ptr_mut(tid) {
        Some(slot) => {
            // SAFETY: the thread's own slot.
            let record = unsafe { &mut *slot };
            flush_missed(record);
            // One that a thread of another process with this number left behind.
            if record.pid != pid {
                namespace::describe(record);
            }
            slot
        }
        None => match new_slot(tid, &EMPTY) {
            Some(slot) => {
                // SAFETY: the thread's own slot.
                let record = unsafe { &mut *slot };
                record.pid = pid;
                namespace::describe(record);
                slot
            }
            None => return count(Counter::PendingFull),
        },
    };
    // SAFETY: the thread's own slot.
    let record = unsafe { &mut *slot };

    let abi = source.abi();
    set_args::<ROW>(record, &args);
    record.captures = [Capture::None as u8; MAX_ARGS];
    record.syscall = ROW as u16;
    record.abi = abi as u8;
    source.look(record, abi);
    user::capture::<ROW>(record, abi, Access::In);
    let target = if record.ns_tid == 0 || const { pidfd::is_on_one(ROW) } {
        pidfd::target::<ROW>(&args, pid)
    } else {
        pidfd::Target { number: namespace::target::<ROW>(&args), certain: true }
    };
    record.target = target.number;
    record.undecided = match filter::content::<ROW>(record, verdict) {
        Verdict::Drop => {
            if slots_are_scarce() {
                remove_slot(tid);
            }
            return count(Counter::Filtered);
        }
        Verdict::Keep => 0,
        Verdict::Undecided(what) => what,
    };
    if const { pidfd::is_on_one(ROW) } && !target.certain {
        record.undecided |= undecided::PIDFD;
    }
    describe_caller(record, pid_tgid);
    record.state = State::Entered as u8;
    count_under_way(tid, 1);
    // SAFETY: plain helper.
    record.entered_ns = unsafe { bpf_ktime_get_boot_ns() };
}

/// A thread leaves the call in row `ROW`.
#[inline(always)]
pub fn exit<const ROW: usize>(ret: i64) {
    let tid = bpf_get_current_pid_tgid() as u32;
    if !may_be_under_way(tid) {
        return;
    }
    let Some(slot) = PENDING.get_ptr_mut(tid) else { return };
    // SAFETY: the thread's own slot.
    let record = unsafe { &mut *slot };
    if record.state != State::Entered as u8 || record.syscall != ROW as u16 {
        return;
    }
    // SAFETY: plain helper.
    record.duration_ns = unsafe { bpf_ktime_get_boot_ns() } - record.entered_ns;
    record.ret = ret;
    record.state = State::Idle as u8;
    count_under_way(tid, -1);

    let abi = if record.abi == NATIVE as u8 { NATIVE } else { NATIVE.compat() };
    if ret != EFAULT {
        user::capture_again::<ROW>(record, abi);
    }
    if ret == EBADF || ret == EINVAL && record.undecided & undecided::PIDFD != 0 {
        record.target = 0;
    }
    if filter::outcome::<ROW>(record) {
        count(Counter::Filtered);
    } else {
        if succeeded::<ROW>(ret) {
            user::capture::<ROW>(record, abi, Access::Out);
        }
        record.state = State::Returned as u8;
        if const { matches!(SYSCALLS[ROW].hook, Hook::Function(_)) } {
            emit_read(record);
        } else {
            emit(record, const { DATA_OFFSET + SYSCALLS[ROW].data_size() });
        }
        record.state = State::Idle as u8;
    }
    if slots_are_scarce() {
        remove_slot(tid);
    }
}

/// Emits the call that `record` still holds, if its return never came.
#[inline(always)]
pub fn flush_missed(record: &mut Record) {
    if record.state == State::Entered as u8 {
        record.state = State::Missed as u8;
        count_under_way(record.tid, -1);
        if record.undecided & undecided::PIDFD != 0 {
            record.target = 0;
        }
        if filter::unreturned(record) {
            count(Counter::Filtered);
        } else {
            emit(record, size_of::<Record>());
        }
        record.state = State::Idle as u8;
    }
}

/// As [`flush_missed`], for a thread that enters a call which is not captured: its return must not
/// be taken for that of the call before.
#[inline(always)]
fn forget_missed(tid: u32) {
    if may_be_under_way(tid)
        && let Some(slot) = PENDING.get_ptr_mut(tid)
    {
        // SAFETY: the thread's own slot.
        flush_missed(unsafe { &mut *slot });
    }
}

/// Whether the call's outputs are valid: rt_sigtimedwait never returns 0 and leaves its buffer
/// alone on failure, the others write theirs when they return 0.
#[inline(always)]
fn succeeded<const ROW: usize>(ret: i64) -> bool {
    match const { SYSCALLS[ROW].outcome } {
        Outcome::Signal => ret > 0,
        Outcome::Status => ret == 0,
        // Calls without outputs; and what was read from a signalfd goes right into the ring.
        Outcome::Fd
        | Outcome::Nothing
        | Outcome::Restart
        | Outcome::Handler
        | Outcome::Mask
        | Outcome::Bytes => false,
    }
}

#[inline(always)]
fn describe_caller(record: &mut Record, pid_tgid: u64) {
    record.pid = (pid_tgid >> 32) as u32;
    record.tid = pid_tgid as u32;
    let uid_gid = bpf_get_current_uid_gid();
    record.uid = uid_gid as u32;
    record.gid = (uid_gid >> 32) as u32;
    // SAFETY: plain helpers.
    unsafe {
        record.cgroup = bpf_get_current_cgroup_id();
        record.cpu = bpf_get_smp_processor_id();
    }
    describe_task(record);
}

/// What the caller's `task_struct` tells. Its name is read from there, too, as that costs half of
/// what the helper for it does.
#[inline(always)]
fn describe_task(record: &mut Record) {
    let comm = record.comm.as_mut_ptr().cast::<c_void>();
    if config!(offsets.task_tgid) == 0 {
        record.ppid = 0;
        // SAFETY: plain helper; `comm` has the size given.
        unsafe { bpf_get_current_comm(comm, 16) };
        return;
    }
    // SAFETY: plain helper.
    let task = unsafe { bpf_get_current_task() };
    let name = task.wrapping_add(u64::from(config!(offsets.task_comm)));
    // SAFETY: the helper checks the source; `comm` has the size given.
    unsafe { bpf_probe_read_kernel(comm, 16, name as *const c_void) };
    record.ppid = parent(task);
}

/// The process id of the caller's parent, 0 if it cannot be read.
#[inline(always)]
fn parent(task: u64) -> u32 {
    member::<u64>(task, config!(offsets.task_real_parent))
        .and_then(|parent| member(parent, config!(offsets.task_tgid)))
        .unwrap_or(0)
}

/// Stores as many arguments as the call has. All four would be stored with a call to a loop that
/// clears the last by the byte.
#[inline(always)]
fn set_args<const ROW: usize>(record: &mut Record, args: &[u64; MAX_ARGS]) {
    let count = const { SYSCALLS[ROW].args.len() };
    if count > 0 {
        record.args[0] = args[0];
    }
    if count > 1 {
        record.args[1] = args[1];
    }
    if count > 2 {
        record.args[2] = args[2];
    }
    if count > 3 {
        record.args[3] = args[3];
    }
}
