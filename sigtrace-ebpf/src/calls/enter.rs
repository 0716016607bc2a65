//! A thread enters a call.
//!
//! In steps, so that a program for many functions has those once that are the same for every call:
//! only the arguments are its row's business.

use core::ptr;

use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid,
    generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns},
};
use sigtrace_common::{
    Abi, Capture, Counter, MAX_ARGS, NO_ARG, Record, Slot, State, access, flag, select as by,
    undecided,
};

use super::{
    exit::flush_missed,
    filter::{self, Verdict},
    namespace,
    pidfd::{self, Target},
    regs::int,
    user,
};
use crate::{
    config::{config, selects},
    kernel::task::{self, Task},
    maps::{count, is_tracing, is_trying, saw},
    shapes::{ShapeRef, get, has},
    slots,
};

/// Where a call's arguments come from.
pub trait Source {
    /// The argument registers, as many as the call has; the rest is zero. `None` if they cannot be
    /// read.
    fn args(&self) -> Option<[u64; MAX_ARGS]>;

    /// The binary interface of the call.
    fn abi(&self, shape: ShapeRef) -> Abi;

    /// Captures what no argument leads to.
    fn capture(&self, shape: ShapeRef, record: &mut Record);
}

/// A thread that enters a call, as far as the filter let it.
#[derive(Clone, Copy)]
pub struct Caller {
    /// Its process id, and in the lower half its thread id.
    pub pid_tgid: u64,
    /// Bits of [`undecided`].
    pub undecided: u32,
}

impl Caller {
    #[inline(always)]
    fn pid(self) -> u32 {
        (self.pid_tgid >> 32) as u32
    }

    #[inline(always)]
    fn tid(self) -> u32 {
        self.pid_tgid as u32
    }
}

/// The first step: whether the thread's calls are of interest at all. `has_target` says whether this
/// one can be aimed at a process.
#[inline(always)]
fn admit(has_target: impl FnOnce() -> bool) -> Option<Caller> {
    if !is_tracing() {
        return None;
    }
    let pid_tgid = bpf_get_current_pid_tgid();
    let mut caller = Caller { pid_tgid, undecided: 0 };
    if caller.pid() == config!(self_pid) {
        if is_trying() {
            caller.undecided = undecided::OWN;
            return Some(caller);
        }
        if selects(by::NOT_SELF) {
            leave_out(caller.tid());
            return None;
        }
    }
    match filter::caller(caller.pid(), caller.tid(), has_target) {
        Verdict::Keep => Some(caller),
        Verdict::Undecided(what) => {
            caller.undecided = what;
            Some(caller)
        }
        Verdict::Drop => {
            leave_out(caller.tid());
            None
        }
    }
}

/// The call is filtered out.
#[inline(always)]
fn leave_out(tid: u32) {
    forget_missed(tid);
    count(Counter::Filtered);
}

/// Emits the call that the thread's slot still holds, if its return was missed: that of a call which
/// is not captured must not be taken for it.
#[inline(always)]
fn forget_missed(tid: u32) {
    if config!(access) & access::MISSES != 0 && slots::may_be_under_way(tid) {
        emit_missed(tid);
    }
}

#[inline(never)]
pub fn emit_missed(tid: u32) {
    let slot = slots::find(tid);
    if !slot.is_null() {
        flush_missed(slot, tid);
    }
}

/// What the filter says of a call's arguments, as bits of [`undecided`]; [`NO`] if it is left out,
/// [`LOST`] if they cannot be read.
#[inline(always)]
fn select(shape: ShapeRef, source: &impl Source, undecided: u32) -> u32 {
    let Some(args) = source.args() else { return LOST };
    match filter::arguments(shape, &args, undecided) {
        Verdict::Drop => NO,
        Verdict::Keep => 0,
        Verdict::Undecided(what) => what,
    }
}

/// The call is left out.
const NO: u32 = u32::MAX;
/// The call is lost.
const LOST: u32 = u32::MAX - 1;

/// The second step: a slot for the call, unless the filter leaves it out by its arguments. Null if
/// there is none.
#[inline(always)]
fn begin(shape: ShapeRef, source: &impl Source, caller: &mut Caller) -> *mut Slot {
    let tid = caller.tid();
    if caller.undecided & undecided::OWN == 0 && filter::looks_at_arguments() {
        match select(shape, source, caller.undecided) {
            NO => {
                leave_out(tid);
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
    let slot = slots::claim(tid, |tid| {
        if config!(access) & access::MISSES != 0 {
            emit_missed(tid);
        }
    });
    if slot.is_null() && caller.undecided & undecided::OWN == 0 {
        count(Counter::PendingFull);
    }
    slot
}

/// The third step: the arguments, and what they lead to. Says whether the call is still of interest;
/// if not, the slot has to be given up.
#[inline(always)]
fn capture(shape: ShapeRef, source: &impl Source, slot: *mut Slot, caller: Caller) -> bool {
    // SAFETY: the thread's own slot.
    let record = unsafe { &mut (*slot).record };
    record.syscall = u16::from(get!(shape, syscall));
    if caller.undecided & undecided::OWN != 0 {
        record.undecided = undecided::OWN;
        saw(record.syscall, false);
        return true;
    }
    let Some(args) = source.args() else {
        count(Counter::RegistersUnreadable);
        return false;
    };
    let nested = namespace::describe(record, caller.pid(), caller.tid());
    record.args = args;
    record.captures = [Capture::None as u8; MAX_ARGS];
    record.abi = source.abi(shape) as u8;
    source.capture(shape, record);
    user::capture_inputs(shape, record);
    let on_pidfd = get!(shape, pidfd) != NO_ARG;
    let target = if on_pidfd {
        pidfd::target(int(user::arg(record, get!(shape, pidfd))), caller.pid())
    } else if nested {
        Target { number: namespace::target(shape, record), certain: true }
    } else {
        Target::default()
    };
    record.target = target.number;
    let mut open = match filter::content(shape, record, caller.undecided) {
        Verdict::Drop => {
            count(Counter::Filtered);
            return false;
        }
        Verdict::Keep => 0,
        Verdict::Undecided(what) => what,
    };
    if on_pidfd && !target.certain {
        open |= undecided::PIDFD;
    }
    record.undecided = open;
    if has(shape, flag::TELLS_OLD_MASK) && task::is_direct() {
        // SAFETY: the thread's own slot.
        unsafe { (*slot).blocked = Task::current().blocked() };
    }
    true
}

/// The last step: who calls, and when. The call is under way from here on.
#[inline(always)]
fn describe(slot: *mut Slot, caller: Caller) {
    // SAFETY: the thread's own slot.
    let record = unsafe { &mut (*slot).record };
    let task = Task::current();
    record.pid = caller.pid();
    record.tid = caller.tid();
    (record.uid, record.gid) = task.uid_gid();
    record.cgroup = task.cgroup();
    record.ppid = task.ppid();
    let comm = task.comm();
    // SAFETY: 16 bytes at a multiple of 8.
    unsafe { record.comm.as_mut_ptr().cast::<[u64; 2]>().write(comm) };
    // SAFETY: plain helpers.
    unsafe {
        record.cpu = bpf_get_smp_processor_id();
        // In this order, for who looks at slots of others.
        (&raw mut record.entered_ns).write_volatile(bpf_ktime_get_boot_ns());
        (&raw mut record.state).write_volatile(State::Entered as u8);
    }
}

/// All steps, for a call of this shape. Says whether its return is to be seen, too.
#[inline(always)]
pub fn enter(shape: impl Fn() -> Option<ShapeRef>, source: &impl Source) -> bool {
    let has_target = || shape().is_some_and(|shape| has(shape, flag::HAS_TARGET));
    let Some(mut caller) = admit(has_target) else { return false };
    let Some(shape) = shape() else { return false };
    let slot = begin(shape, source, &mut caller);
    if slot.is_null() {
        return false;
    }
    if capture(shape, source, slot, caller) {
        describe(slot, caller);
        return true;
    }
    slots::release(slot, caller.tid());
    false
}
