//! A thread enters a call.
//!
//! In steps, so that a program for many functions has those once that are the same for every call:
//! only the arguments are its row's business.

use core::ptr;

use aya_ebpf::helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns};
use sigtrace_common::{
    Capture, Counter, MAX_ARGS, NO_ARG, Record, RecordKind, Slot, State, access, flag, kinds,
    select as by, side, undecided,
};

use super::{
    Serves,
    exit::flush_missed,
    filter::{self, Verdict},
    held, identity, masks, named, namespace,
    pidfd::{self, Target},
    regs::int,
    user,
};
use crate::{
    config::{config, selects, selects_targets_by_identity},
    kernel::task::Task,
    maps::{count, is_tracing, is_trying, saw, sees_returns},
    shapes::{ShapeRef, get, has},
    slots,
};

/// Where a call's arguments come from.
pub trait Source {
    /// The argument registers, at least so many. `None` if they cannot be read.
    fn args(&self, count: usize) -> Option<[u64; MAX_ARGS]>;

    /// The number of the call's binary interface, an [`Abi`](sigtrace_common::Abi).
    fn abi(&self, shape: ShapeRef) -> u8;

    /// What is to be found out about the call whatever the filter asks for, as bits of [`undecided`].
    #[inline(always)]
    fn undecided(&self) -> u32 {
        0
    }

    /// Captures what no argument leads to.
    fn capture(&self, shape: ShapeRef, record: &mut Record);
}

/// A thread that enters a call, as far as the filter let it.
#[derive(Clone, Copy)]
pub struct Caller {
    /// Its process id.
    pub pid: u32,
    /// Its thread id.
    pub tid: u32,
    /// Bits of [`undecided`].
    pub undecided: u32,
}

/// The first step: whether the thread's calls are of interest at all. `has_target` says whether this
/// one can be aimed at a process.
#[inline(always)]
fn admit(pid: u32, tid: u32, has_target: impl FnOnce() -> bool) -> Option<Caller> {
    let undecided = match filter::caller(pid, tid, has_target) {
        Verdict::Keep => 0,
        Verdict::Undecided(what) => what,
        Verdict::Drop => {
            leave_out(tid, Counter::LeftOutByCaller);
            return None;
        }
    };
    Some(Caller { pid, tid, undecided })
}

/// A call that the agent makes at a point to try its probes. Apart from the others, so that these need not be
/// told from it any more. Global; says nothing, as what the compiler knows of an answer the verifier does not.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn enter_own(point: u32, tid: u32) -> u32 {
    let shape = ShapeRef::of(point);
    let slot = slots::claim(tid, part_with_missed, || false);
    if slot.is_null() {
        return 0;
    }
    // SAFETY: the thread's own slot.
    let record = unsafe {
        (*slot).point = u32::from(get!(shape, point));
        &mut (*slot).record
    };
    record.syscall = u16::from(get!(shape, syscall));
    (record.pid, record.tid) = (config!(self_pid), tid);
    (record.ns_pid, record.ns_tid) = (0, 0);
    record.undecided = undecided::OWN;
    saw(record.syscall, false);
    set_out(slot);
    0
}

/// The call is filtered out, by what `why` says.
#[inline(always)]
fn leave_out(tid: u32, why: Counter) {
    forget_missed(tid);
    count(why);
}

/// Emits the call that the thread's slot still holds, if its return was missed: that of a call which
/// is not captured must not be taken for it.
#[inline(always)]
fn forget_missed(tid: u32) {
    if config!(access) & access::MISSES != 0 && slots::may_be_under_way(tid) {
        emit_missed(tid);
    }
}

/// Has nobody take the thread's next return for that of the call that its slot still holds, if it holds
/// one. Where the same program is for entries and returns the kernel has counted the call as missed,
/// as it does with each run of a program that it skips.
#[inline(always)]
pub fn part_with_missed(tid: u32) {
    if config!(access) & access::MISSES != 0 {
        emit_missed(tid);
    } else {
        slots::discard(tid);
    }
}

/// Emits the call that the thread's slot still holds, if it holds one. Global.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn emit_missed(tid: u32) -> u32 {
    let slot = slots::find(tid);
    if !slot.is_null() {
        flush_missed(tid, slot);
    }
    0
}

/// What the filter says of a call's arguments, as bits of [`undecided`]; [`NO`] if it is left out,
/// [`LOST`] if they cannot be read.
#[inline(always)]
fn select(serves: Serves, shape: ShapeRef, source: &impl Source, undecided: u32) -> u32 {
    let Some(args) = source.args(arguments(serves, shape)) else { return LOST };
    match filter::arguments(shape, &args, undecided) {
        Verdict::Drop => NO,
        Verdict::Keep => 0,
        Verdict::Undecided(what) => what,
    }
}

/// How many arguments to get. Where nobody knows beforehand, it costs more to find out than to get
/// them all.
#[inline(always)]
fn arguments(serves: Serves, shape: ShapeRef) -> usize {
    if serves == Serves::Call { usize::from(get!(shape, args)) } else { MAX_ARGS }
}

/// The call is left out.
const NO: u32 = u32::MAX;
/// The call is lost.
const LOST: u32 = u32::MAX - 1;

/// The second step: a slot for the call, unless the filter leaves it out by its arguments. Null if
/// there is none.
#[inline(always)]
fn begin(serves: Serves, shape: ShapeRef, source: &impl Source, caller: &mut Caller) -> *mut Slot {
    let tid = caller.tid;
    if filter::looks_at_arguments() {
        match select(serves, shape, source, caller.undecided) {
            NO => {
                leave_out(tid, Counter::LeftOutByArguments);
                return ptr::null_mut();
            }
            LOST => {
                forget_missed(tid);
                count(Counter::RegistersUnreadable);
                return ptr::null_mut();
            }
            open => caller.undecided = open,
        }
    }
    let slot = slots::claim(tid, part_with_missed, || has(shape, flag::WAITS));
    if slot.is_null() {
        count(Counter::PendingFull);
    }
    slot
}

/// The third step: who calls, and the arguments and what they lead to. Says whether the call is still
/// of interest; if not, the slot has to be given up.
#[inline(always)]
fn capture(
    serves: Serves,
    shape: ShapeRef,
    source: &impl Source,
    slot: *mut Slot,
    caller: Caller,
) -> bool {
    // SAFETY: the thread's own slot.
    let record = unsafe {
        (*slot).point = u32::from(get!(shape, point));
        &mut (*slot).record
    };
    begin_header(shape, record);
    record.syscall = u16::from(get!(shape, syscall));
    let Some(args) = source.args(arguments(serves, shape)) else {
        count(Counter::RegistersUnreadable);
        return false;
    };
    record.args = args;
    record.captures = [Capture::None as u8; MAX_ARGS];
    record.abi = source.abi(shape);
    let mut target = Target::default();
    if namespace::describe(record, caller.pid, caller.tid) {
        target.number = namespace::target(shape, record);
    }
    record.target = target.number;
    (record.pid, record.tid) = (caller.pid, caller.tid);
    let task = Task::current();
    describe(record, task);
    if has(shape, flag::CHANGES_MASK) {
        masks::before(shape, record, task);
    }
    source.capture(shape, record);
    let inputs = user::capture_inputs(shape, record);
    let mut open = caller.undecided | inputs;
    if inputs & undecided::INPUT != 0 {
        // SAFETY: the thread's own slot.
        unsafe {
            (*slot).switches = task.switches();
            (*slot).was_alone = u32::from(task.is_alone());
        }
    }
    let on_pidfd = get!(shape, pidfd) != NO_ARG;
    if on_pidfd {
        let fd = int(user::arg(record, get!(shape, pidfd)));
        target = pidfd::target(fd, caller.pid);
        record.target = target.number;
        if selects_targets_by_identity()
            && open & side::TARGET != 0
            && identity::has_selected_behind(fd)
        {
            open &= !side::TARGET;
        }
    }
    match filter::content(shape, record, open) {
        Verdict::Drop => {
            count(Counter::LeftOutByArguments);
            return false;
        }
        Verdict::Keep => open = 0,
        Verdict::Undecided(what) => open = what,
    }
    if on_pidfd && !target.certain {
        open |= undecided::PIDFD;
    }
    held::previous(shape, slot, caller.tid);
    // Last, as it writes over what is of no use in arguments.
    if selects(by::CONTEXT) {
        named::describe(shape, record);
    }
    record.undecided = open | source.undecided();
    true
}

/// What the record is, and how long it will be.
#[inline(always)]
fn begin_header(shape: ShapeRef, record: &mut Record) {
    let head = RecordKind::Call.head(get!(shape, emitted));
    // SAFETY: the first half of the header, which is aligned.
    unsafe { (&raw mut record.header).cast::<u32>().write(head) };
}

/// Who calls, but for the ids.
#[inline(always)]
fn describe(record: &mut Record, task: Task) {
    (record.uid, record.gid) = task.uid_gid();
    record.cgroup = task.cgroup();
    record.ppid = task.ppid();
    let comm = task.comm();
    // SAFETY: 16 bytes at a multiple of 8.
    unsafe { record.comm.as_mut_ptr().cast::<[u64; 2]>().write(comm) };
}

/// The last step: the call is under way from here on.
#[inline(always)]
fn set_out(slot: *mut Slot) {
    // SAFETY: the thread's own slot, and plain helpers.
    unsafe {
        let record = &mut (*slot).record;
        record.header.cpu = bpf_get_smp_processor_id() as u16;
        record.header.more = if config!(kinds) & kinds::GENERATE == 0 { 0 } else { 1 };
        // In this order, for who looks at slots of others.
        (&raw mut record.entered_ns).write_volatile(bpf_ktime_get_boot_ns());
        (&raw mut record.state).write_volatile(State::Entered as u8);
    }
}

/// All steps, for a call of this shape. Says whether its return is to be seen, too.
#[inline(always)]
pub fn enter(serves: Serves, shape: impl Fn() -> Option<ShapeRef>, source: &impl Source) -> bool {
    if !is_tracing() {
        // The return of this call is seen, if tracing is about to end.
        if sees_returns() {
            forget_missed(Task::tid());
        }
        return false;
    }
    let (pid, tid) = Task::ids();
    if pid == config!(self_pid) {
        if is_trying() {
            let Some(shape) = shape() else { return false };
            enter_own(get!(shape, point).into(), tid);
            return true;
        }
        if selects(by::NOT_SELF) {
            // Not counted: what the agent does is not among the calls that the selection is about.
            forget_missed(tid);
            return false;
        }
    }
    let has_target = || shape().is_some_and(|shape| has(shape, flag::HAS_TARGET));
    let Some(mut caller) = admit(pid, tid, has_target) else { return false };
    let Some(shape) = shape() else { return false };
    let slot = begin(serves, shape, source, &mut caller);
    if slot.is_null() {
        return false;
    }
    if capture(serves, shape, source, slot, caller) {
        set_out(slot);
        return true;
    }
    slots::release(slot);
    false
}
