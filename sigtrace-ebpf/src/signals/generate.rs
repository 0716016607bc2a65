//! Signals as they are sent.

use core::ffi::c_void;

use aya_ebpf::{
    helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns, bpf_probe_read_kernel},
    macros::raw_tracepoint,
    programs::RawTracePointContext,
};
use sigtrace_common::{
    Counter, Generate, KERNEL_SIGINFO_SIZE, NO_CALL, RecordKind, Slot, fact, select,
};

use super::{
    cause::{self, Sent},
    oom, party,
    scratch::Scratch,
};
use crate::{
    abi::NATIVE,
    calls::filter,
    config::{config, selects},
    emit::{self, Room},
    kernel::{other::Other, stack::Call, task::Task},
    maps::{count, is_tracing, is_trying},
    shapes::{ShapeRef, get},
    shares, slots,
};

/// A signal is sent. It is the last thing that the kernel does about that (`__send_signal_locked`,
/// `kernel/signal.c`).
#[raw_tracepoint(tracepoint = "signal_generate")]
pub fn generate(ctx: RawTracePointContext) -> i32 {
    if is_tracing() {
        tell(&ctx);
    }
    0
}

#[inline(always)]
fn tell(ctx: &RawTracePointContext) {
    let ids = Task::ids();
    let Some(scratch) = Scratch::claim() else {
        count(Counter::GenerateLost);
        return;
    };
    let sent = Sent::of(ctx);
    let target_ids = sent.target.ids();
    let (call, shape) = cause::find_origin(ctx, scratch, sent, ids, target_ids);
    let is_callers = scratch.has(fact::OWN | fact::SAME_PROCESS);
    let is_self = ids.0 == config!(self_pid) && (selects(select::NOT_SELF) || is_trying());
    if is_callers && is_self {
        // As its calls, not counted. What an interrupt sends while it is at work is another's.
        scratch.release();
        return;
    }
    let request_ns = request(ids.1, shape);
    let caller = if is_callers { Some(ids) } else { None };
    if !filter::sent(sent.signal as i32, caller, sent.target, target_ids) {
        count(Counter::GenerateLeftOut);
    } else if !emit(scratch, sent, (call, shape), request_ns, ids, target_ids) {
        count(Counter::GenerateLost);
    }
    scratch.release();
}

/// Puts the record into the ring. Says whether there was room.
#[inline(always)]
fn emit(
    scratch: Scratch,
    sent: Sent,
    call: (Call, Option<ShapeRef>),
    request_ns: u64,
    ids: (u32, u32),
    target_ids: (u32, u32),
) -> bool {
    if !shares::leaves_room(size_of::<Generate>() as u32) {
        return false;
    }
    cause::find_state(scratch, sent);
    if sent.info == 0 {
        scratch.set(fact::IN_NAMESPACE, is_in_namespace(sent.target));
    }
    let Some(room) = emit::reserve::<Generate>() else { return false };
    write(&room, scratch.facts(), sent, call, request_ns, ids, target_ids);
    room.submit();
    true
}

/// When the call was entered in which the signal is sent, if it is traced. What it reaches is counted.
#[inline(always)]
fn request(tid: u32, shape: Option<ShapeRef>) -> u64 {
    let Some(shape) = shape else { return 0 };
    let slot: *mut Slot = slots::find(tid);
    if slot.is_null() {
        return 0;
    }
    // SAFETY: the thread's own slot.
    unsafe {
        let record = &raw mut (*slot).record;
        if (*record).syscall != u16::from(get!(shape, syscall)) {
            return 0;
        }
        (*record).reached += 1;
        (*record).entered_ns
    }
}

#[inline(always)]
fn write(
    room: &Room<Generate>,
    facts: u32,
    sent: Sent,
    (call, shape): (Call, Option<ShapeRef>),
    request_ns: u64,
    ids: (u32, u32),
    target_ids: (u32, u32),
) {
    let to = room.as_ptr();
    // SAFETY: room in the ring for a whole record, every byte of which is written here.
    unsafe {
        emit::begin(&raw mut (*to).header, RecordKind::Generate, size_of::<Generate>());
        (*to).header.cpu = bpf_get_smp_processor_id();
        (*to).time_ns = bpf_ktime_get_boot_ns();
        (*to).request_ns = request_ns;
        let info = (&raw mut (*to).info).cast::<u64>();
        if sent.has_info() {
            let size = KERNEL_SIGINFO_SIZE as u32;
            bpf_probe_read_kernel(info.cast::<c_void>(), size, sent.info as *const c_void);
        } else {
            // Volatile, as otherwise the compiler makes a loop of it.
            let mut i = 0;
            while i < KERNEL_SIGINFO_SIZE / 8 {
                info.add(i).write_volatile(0);
                i += 1;
            }
        }
        (*to).handler = cause::handler(sent);
        oom::describe(facts, (&raw mut (*to).memory).cast::<u64>());
        party::describe(&raw mut (*to).target, sent.target, target_ids);
        party::describe(&raw mut (*to).current, Other::current(), ids);
        (*to).facts = facts;
        (*to).number = if facts & fact::OWN == 0 { NO_CALL } else { call.number };
        (*to).signal = sent.signal as u8;
        (*to).outcome = sent.outcome as u8;
        (*to).abi = if call.is_compat { NATIVE.compat() as u8 } else { NATIVE as u8 };
        (*to).syscall = 0;
        if let Some(shape) = shape {
            (*to).syscall = get!(shape, syscall);
        }
        (*to).reserved = 0;
    }
}

/// Whether the siginfo that the kernel makes would have other numbers for the sender.
#[inline(always)]
fn is_in_namespace(target: Other) -> bool {
    target.user_namespaces() != 0 || target.pid_namespaces() != 0
}
