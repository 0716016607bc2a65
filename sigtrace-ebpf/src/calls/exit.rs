//! A thread leaves a call, or turns out to have left it unseen.

use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use sigtrace_common::{Counter, NO_ARG, Record, Slot, State, flag, undecided};

use super::{
    Serves,
    expansion::{E2BIG, explain_refusal},
    filter,
    late::capture_late,
    masks,
    signalfd::{emit_read, siginfo_bytes},
    user,
};
use crate::{
    emit::{emit, emit_returned},
    kernel::task::Task,
    maps::{count, saw, sees_returns},
    shapes::{ShapeRef, get, has},
    shares::{self, why},
    slots,
};

/// EFAULT: what a call returns whose memory the kernel could not read, or not write.
pub const EFAULT: i64 = -14;
/// EBADF: what pidfd_send_signal returns for a file that is no pidfd.
const EBADF: i64 = -9;
/// EAGAIN: what a read returns that finds nothing and must not wait.
const EAGAIN: i64 = -11;
/// EINVAL: what it returns, too, before it has looked at the file.
const EINVAL: i64 = -22;

/// The current thread leaves a function that returned `ret`, and with it the call that its slot holds;
/// if that was entered at `point`, where the function is for one only.
#[inline(always)]
pub fn exit(serves: Serves, point: Option<u32>, ret: i64) {
    if !sees_returns() {
        return;
    }
    let tid = Task::tid();
    let slot = slots::find(tid);
    if slot.is_null() {
        return;
    }
    // SAFETY: the thread's own slot.
    let entered = unsafe { (*slot).point };
    if point.is_none_or(|point| point == entered) {
        // Which is a constant if the function is for one only.
        let shape = ShapeRef::of(point.unwrap_or(entered));
        // SAFETY: the thread's own slot.
        let undecided = unsafe { (*slot).record.undecided };
        if undecided == 0 || settle(shape, tid, slot, ret) {
            finish(serves, shape, tid, slot, ret);
        }
        slots::release(slot);
    }
}

/// Does what entering the call left to be done. Says whether it is anybody's call.
#[inline(always)]
fn settle(shape: ShapeRef, tid: u32, slot: *mut Slot, ret: i64) -> bool {
    // SAFETY: the thread's own slot.
    let record = unsafe { &mut (*slot).record };
    if record.undecided & undecided::OWN != 0 {
        record.state = State::Idle as u8;
        saw(record.syscall, true);
        return false;
    }
    if record.undecided & undecided::TRY != 0 {
        if ret == EAGAIN {
            record.state = State::Idle as u8;
            return false;
        }
        record.undecided &= !undecided::TRY;
    }
    if record.undecided & undecided::INPUT != 0 {
        record.ret = ret;
        capture_late(shape, tid, slots::key(slot));
    }
    if record.undecided & undecided::PIDFD != 0 && ret == EINVAL {
        record.target = 0;
    }
    true
}

/// The call of this shape in the slot returned `ret`.
#[inline(always)]
fn finish(serves: Serves, shape: ShapeRef, tid: u32, slot: *mut Slot, ret: i64) {
    // SAFETY: the thread's own slot.
    let record = unsafe { &mut (*slot).record };
    // SAFETY: plain helper.
    let now = unsafe { bpf_ktime_get_boot_ns() };
    // The clock of one processor can be a little behind that of another. (Compared like this it costs a
    // third of what the saturating one does.)
    let duration_ns = now.wrapping_sub(record.entered_ns);
    record.duration_ns = if duration_ns.cast_signed() < 0 { 0 } else { duration_ns };
    record.ret = ret;
    if has(shape, flag::CHANGES_MASK) {
        masks::after(shape, record);
    }
    // SAFETY: a member of the slot; volatile, for who looks at slots of others.
    unsafe { (&raw mut record.state).write_volatile(State::Returned as u8) };
    if ret == EBADF && get!(shape, pidfd) != NO_ARG {
        record.target = 0;
    }
    let told = slots::is_told(slot);
    if !told && filter::outcome(shape, record) {
        count(Counter::LeftOutByOutcome);
    } else {
        if succeeded(shape, ret) {
            user::capture_output(shape, record);
        } else if has(shape, flag::SENDS_SIGINFO) && matches!(ret, EFAULT | E2BIG) {
            explain_refusal(tid, slots::key(slot), get!(shape, point).into(), ret as u32);
        }
        if told {
            record.undecided |= undecided::TOLD;
        }
        let size = u32::from(get!(shape, emitted))
            + if serves == Serves::Reads { siginfo_bytes(record) } else { 0 };
        let held_back = shares::hold_back(tid, slot, size);
        let emitted = !held_back
            && if serves == Serves::Reads { emit_read(record) } else { emit_returned(shape, slot) };
        if !emitted {
            let why = if told { why::LATE } else { why::RETURNED };
            let why = why | if held_back { why::HELD_BACK } else { 0 };
            shares::leave_out_of_ring(tid, slots::key(slot), why);
        }
    }
    record.state = State::Idle as u8;
}

/// Emits the call that a thread's slot still holds: its return never came.
#[inline(always)]
pub fn flush_missed(tid: u32, slot: *mut Slot) {
    // SAFETY: the thread's own slot.
    let record = unsafe { &mut (*slot).record };
    // SAFETY: a member of the slot; volatile, for who looks at slots of others.
    unsafe { (&raw mut record.state).write_volatile(State::Missed as u8) };
    if record.undecided & undecided::OWN == 0 {
        record.undecided &= !undecided::TRY;
        if record.undecided & undecided::PIDFD != 0 {
            record.target = 0;
        }
        let told = slots::is_told(slot);
        if told {
            record.undecided |= undecided::TOLD;
        }
        if !told && filter::unreturned(record) {
            count(Counter::LeftOutByOutcome);
        } else {
            let held_back = shares::hold_back(tid, slot, size_of::<Record>() as u32);
            if held_back || !emit(record, size_of::<Record>()) {
                let why = if told { why::LATE } else { 0 };
                let why = why | if held_back { why::HELD_BACK } else { 0 };
                shares::leave_out_of_ring(tid, slots::key(slot), why);
            }
        }
    }
    record.state = State::Idle as u8;
    slots::release(slot);
}

/// Whether the call's outputs are valid: rt_sigtimedwait never returns 0 and leaves its buffer
/// alone on failure, the others write theirs when they return 0.
#[inline(always)]
fn succeeded(shape: ShapeRef, ret: i64) -> bool {
    ret == 0 && has(shape, flag::RETURNS_STATUS) || ret > 0 && has(shape, flag::RETURNS_SIGNAL)
}
