//! Signals as they are sent.

use aya_ebpf::{
    helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns},
    macros::raw_tracepoint,
    programs::RawTracePointContext,
};
use sigtrace_common::{Counter, Generate, NO_CALL, RecordKind, Slot, fact, kinds, select};

use super::{
    cause::{self, Sent},
    fatal,
    info::{self, Digest},
    oom, party,
    pending::Key,
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

/// What became of a signal: `TRACE_SIGNAL_*` (`include/trace/events/signal.h`).
const DELIVERED: u32 = 0;
const ALREADY_PENDING: u32 = 2;
const LOSE_INFO: u32 = 4;

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
    let sent = Sent::of(ctx);
    let target_ids = sent.target.ids();
    // SAFETY: plain helper.
    let time_ns = unsafe { bpf_ktime_get_boot_ns() };
    let merged_ns = follow(sent, target_ids, time_ns);
    let ids = Task::ids();
    if config!(kinds) & kinds::GENERATE == 0
        || ids.0 == config!(self_pid) && (selects(select::NOT_SELF) || is_trying())
    {
        // As the agent's calls, not counted.
        return;
    }
    let Some(scratch) = Scratch::claim() else {
        count(Counter::GenerateLost);
        return;
    };
    let (call, shape) = cause::find_origin(ctx, scratch, sent, ids, target_ids);
    let request_ns = request(ids.1, shape);
    let is_callers = scratch.has(fact::OWN | fact::SAME_PROCESS);
    let caller = if is_callers { Some(ids) } else { None };
    if !filter::sent(sent.signal as i32, caller, sent.target, target_ids) {
        count(Counter::GenerateLeftOut);
    } else if !emit(scratch, sent, (call, shape), [time_ns, request_ns, merged_ns], ids, target_ids)
    {
        count(Counter::GenerateLost);
    }
    scratch.release();
}

/// Notes when the signal was sent, for when it is taken, or ends the process. When that was sent which it is merged
/// into; 0 if it is into none.
#[inline(always)]
fn follow(sent: Sent, (pid, tid): (u32, u32), time_ns: u64) -> u64 {
    let digest = if sent.has_info() && sent.outcome == DELIVERED {
        Digest::at(sent.info)
    } else {
        Digest::UNKNOWN
    };
    let id = if sent.to_process { pid } else { tid };
    let key = Key::new(id, sent.to_process, sent.signal, digest);
    match sent.outcome {
        ALREADY_PENDING => return key.sent_ns(),
        DELIVERED | LOSE_INFO => key.put(time_ns),
        _ => return 0,
    }
    if cause::is_fatal(sent) {
        fatal::note(pid, sent.target.leader(), sent.signal, time_ns);
    }
    0
}

/// Puts the record into the ring. Says whether there was room.
#[inline(always)]
fn emit(
    scratch: Scratch,
    sent: Sent,
    call: (Call, Option<ShapeRef>),
    times: [u64; 3],
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
    write(&room, scratch.facts(), sent, call, times, ids, target_ids);
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
        let more = &raw mut (*record).header.more;
        *more = (*more).saturating_add(1);
        (*record).entered_ns
    }
}

#[inline(always)]
fn write(
    room: &Room<Generate>,
    facts: u32,
    sent: Sent,
    (call, shape): (Call, Option<ShapeRef>),
    [time_ns, request_ns, merged_ns]: [u64; 3],
    ids: (u32, u32),
    target_ids: (u32, u32),
) {
    let to = room.as_ptr();
    // SAFETY: room in the ring for a whole record, every byte of which is written here.
    unsafe {
        emit::begin(&raw mut (*to).header, RecordKind::Generate, size_of::<Generate>());
        ((*to).header.cpu, (*to).header.more) = (bpf_get_smp_processor_id() as u16, 0);
        (*to).time_ns = time_ns;
        (*to).request_ns = request_ns;
        info::copy((&raw mut (*to).info).cast::<u64>(), sent.info, sent.has_info());
        (*to).handler = cause::handler(sent);
        oom::describe(facts, (&raw mut (*to).memory).cast::<u64>());
        ((*to).args[0], (*to).args[1], (*to).args[2]) = (call.args[0], call.args[1], call.args[2]);
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
        (*to).merged_ns = merged_ns;
    }
}

/// Whether the siginfo that the kernel makes would have other numbers for the sender.
#[inline(always)]
fn is_in_namespace(target: Other) -> bool {
    target.user_namespaces() != 0 || target.pid_namespaces() != 0
}
