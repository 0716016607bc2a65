//! A thread leaves a call, or turns out to have left it unseen.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, generated::bpf_ktime_get_boot_ns};
use sigtrace_common::{Counter, Hook, Record, SYSCALLS, Slot, State, flag, undecided};

use super::{filter, signalfd::emit_read, user};
use crate::{
    abi::NATIVE,
    emit::{emit, emit_returned},
    maps::{count, saw, sees_returns},
    shapes::{ShapeRef, has},
    slots,
};

/// EFAULT: what a call returns whose memory the kernel could not read either.
const EFAULT: i64 = -14;
/// EBADF: what pidfd_send_signal returns for a file that is no pidfd.
const EBADF: i64 = -9;
/// EINVAL: what it returns, too, before it has looked at the file.
const EINVAL: i64 = -22;

/// The current thread leaves a function that returned `ret`, and with it the call that its slot holds;
/// if that is of row `row`, where the function is for one only.
#[inline(always)]
pub fn exit(row: Option<u16>, ret: i64) {
    if !sees_returns() {
        return;
    }
    let slot = slots::find(bpf_get_current_pid_tgid() as u32);
    if slot.is_null() {
        return;
    }
    // SAFETY: the thread's own slot.
    let found = unsafe { (*slot).record.syscall };
    if row.is_none_or(|row| row == found) {
        finish(slot, row, found, ret);
    }
}

/// The call in this slot, of row `found`, returned `ret`.
#[inline(always)]
fn finish(slot: *mut Slot, row: Option<u16>, found: u16, ret: i64) {
    // Which is a constant if the function is for one only.
    let of_function = row == Some(READ);
    let row = row.unwrap_or(found);
    // SAFETY: the thread's own slot.
    let record = unsafe { &mut (*slot).record };
    let tid = record.tid;
    if record.undecided & undecided::OWN != 0 {
        record.state = State::Idle as u8;
        saw(row, true);
        return slots::release(slot, tid);
    }
    // SAFETY: plain helper.
    let now = unsafe { bpf_ktime_get_boot_ns() };
    record.duration_ns = now.saturating_sub(record.entered_ns);
    record.ret = ret;
    // SAFETY: a member of the slot; volatile, for who looks at slots of others.
    unsafe { (&raw mut record.state).write_volatile(State::Returned as u8) };

    let compat = u32::from(record.abi != NATIVE as u8);
    let shape = ShapeRef::of(u32::from(row) * 2 + compat);
    if ret != EFAULT {
        user::capture_again(shape, record);
    }
    if ret == EBADF || ret == EINVAL && record.undecided & undecided::PIDFD != 0 {
        record.target = 0;
    }
    let told = slots::is_told(slot, tid);
    if !told && filter::outcome(shape, record) {
        count(Counter::Filtered);
    } else {
        if succeeded(shape, ret) {
            user::capture_output(shape, slot);
        }
        if told {
            record.undecided |= undecided::TOLD;
        }
        let emitted = if of_function { emit_read(record) } else { emit_returned(shape, record) };
        if !emitted {
            count_lost(told);
        }
    }
    record.state = State::Idle as u8;
    slots::release(slot, tid);
}

/// The row of reads from a signalfd.
const READ: u16 = row_in_a_function();

const fn row_in_a_function() -> u16 {
    let mut row = 0;
    while row < SYSCALLS.len() {
        if matches!(SYSCALLS[row].hook, Hook::Function(_)) {
            return row as u16;
        }
        row += 1;
    }
    u16::MAX
}

#[inline(always)]
fn count_lost(told: bool) {
    count(if told { Counter::ReturnLost } else { Counter::RingFull });
}

/// Emits the call that the thread's slot still holds: its return never came.
#[inline(always)]
pub fn flush_missed(slot: *mut Slot, tid: u32) {
    // SAFETY: the thread's own slot.
    let record = unsafe { &mut (*slot).record };
    // SAFETY: a member of the slot; volatile, for who looks at slots of others.
    unsafe { (&raw mut record.state).write_volatile(State::Missed as u8) };
    if record.undecided & undecided::OWN == 0 {
        if record.undecided & undecided::PIDFD != 0 {
            record.target = 0;
        }
        let told = slots::is_told(slot, tid);
        if told {
            record.undecided |= undecided::TOLD;
        }
        if !told && filter::unreturned(record) {
            count(Counter::Filtered);
        } else if !emit(record, size_of::<Record>()) {
            count_lost(told);
        }
    }
    record.state = State::Idle as u8;
    slots::release(slot, tid);
}

/// Whether the call's outputs are valid: rt_sigtimedwait never returns 0 and leaves its buffer
/// alone on failure, the others write theirs when they return 0.
#[inline(always)]
fn succeeded(shape: ShapeRef, ret: i64) -> bool {
    ret == 0 && has(shape, flag::RETURNS_STATUS) || ret > 0 && has(shape, flag::RETURNS_SIGNAL)
}
