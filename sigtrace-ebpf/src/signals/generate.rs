//! Signals as they are sent.

use aya_ebpf::{
    helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns},
    macros::raw_tracepoint,
    programs::RawTracePointContext,
};
use sigtrace_common::{
    Counter, Generate, KERNEL_SIGINFO_SIZE, NO_CALL, RecordKind, Slot, fact, flag, kinds, select,
};

use super::{
    cause::{self, Sent},
    fatal,
    info::Digest,
    oom, party,
    pending::Key,
    scratch::Scratch,
};
use crate::{
    arch::{self, NATIVE},
    calls::{filter, own_number},
    config::{config, selects},
    context::mappings,
    emit::{self, Room},
    kernel::{
        object::Object,
        other::Other,
        stack::{Call, Stack},
        task::Task,
    },
    maps::{count, is_tracing, is_trying},
    shapes::{ShapeRef, get, has},
    shares, slots,
};

/// What became of a signal: `TRACE_SIGNAL_*` (`include/trace/events/signal.h`).
const DELIVERED: u32 = 0;
const IGNORED: u32 = 1;
const ALREADY_PENDING: u32 = 2;
const OVERFLOW_FAIL: u32 = 3;

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
    let Some(scratch) = Scratch::claim() else {
        if config!(kinds) & kinds::GENERATE != 0 {
            count(Counter::GenerateLost);
        }
        // Or it would look as if no signal had ended the process.
        if cause::is_fatal(sent) {
            fatal::note(sent.target.ids().0, sent.target.leader(), sent.signal, 0);
        }
        return;
    };
    tell_with(ctx, scratch, sent);
    scratch.release();
}

#[inline(always)]
fn tell_with(ctx: &RawTracePointContext, scratch: Scratch, sent: Sent) {
    scratch.read_info(sent.info, sent.has_info());
    let target_ids = sent.target.ids();
    // SAFETY: plain helper.
    let time_ns = unsafe { bpf_ktime_get_boot_ns() };
    let merged_ns = follow(scratch, sent, target_ids, time_ns);
    if config!(kinds) & kinds::GENERATE == 0 {
        return;
    }
    let ids = Task::ids();
    let (call, shape) = cause::find_origin(ctx, scratch, sent, ids, target_ids);
    let is_callers = scratch.has(fact::OWN | fact::SAME_PROCESS);
    let is_self = ids.0 == config!(self_pid) && (selects(select::NOT_SELF) || is_trying());
    // On Arm a thread that is about to be stopped is in no call any more (`do_signal`, `arch/arm64/kernel/signal.c`).
    let is_ours = is_callers || arch::INTERRUPTS_HAVE_STACKS && scratch.has(fact::OWN_INFO);
    if is_ours && is_self {
        // As its calls, not counted. What an interrupt sends while it is at work is another's.
        return;
    }
    let request_ns = request(ids.1, shape);
    let caller = if is_callers { Some(ids) } else { None };
    if !filter::sent(sent.signal as i32, caller, sent.target, target_ids) {
        count(Counter::GenerateLeftOut);
    } else if !emit(scratch, sent, (call, shape), [time_ns, request_ns, merged_ns], ids, target_ids)
    {
        count(Counter::GenerateLost);
    }
}

/// Notes when the signal was sent, for when it is taken, or ends the process. When that was sent which it is merged
/// into; 0 if it is into none.
#[inline(always)]
fn follow(scratch: Scratch, sent: Sent, (pid, tid): (u32, u32), time_ns: u64) -> u64 {
    if sent.outcome == IGNORED || sent.outcome == OVERFLOW_FAIL {
        return 0;
    }
    let digest = if sent.outcome == DELIVERED { digest(scratch, sent) } else { Digest::UNKNOWN };
    let id = if sent.to_process { pid } else { tid };
    let key = Key::new(id, sent.to_process, sent.signal, digest);
    if sent.outcome == ALREADY_PENDING {
        return key.sent_ns();
    }
    key.put(time_ns);
    if cause::is_fatal(sent) {
        fatal::note(pid, sent.target.leader(), sent.signal, time_ns);
    }
    0
}

/// What the siginfo says that comes with it: its own, or the one that the kernel makes (`__send_signal_locked`).
///
/// A thread's own queue is looked at first, and what is in there need not be taken: a debugger takes it away. So it
/// must be told apart from what another sends to the process.
#[inline(always)]
fn digest(scratch: Scratch, sent: Sent) -> Digest {
    /// `SI_KERNEL` and `SI_USER` (`include/uapi/asm-generic/siginfo.h`).
    const SI_KERNEL: u64 = 0x80;
    const SI_USER: u64 = 0;
    if sent.has_info() {
        return Digest::of_words([0, 1, 2, 3].map(|index| scratch.info(index)));
    }
    let signal = u64::from(sent.signal);
    if sent.info != 0 {
        return Digest::of_words([signal, SI_KERNEL, 0, 0]);
    }
    if sent.to_process || is_in_namespace(sent.target) {
        return Digest::UNKNOWN;
    }
    let (pid, (uid, _)) = (Task::ids().0, Task::current().uid_gid());
    Digest::of_words([signal, SI_USER, u64::from(pid) | u64::from(uid) << 32, 0])
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
    if is_fault(scratch, sent, call.0.number) {
        mappings::instruction(arch::instruction(Stack::current()), times[0]);
    }
    if sent.info == 0 {
        scratch.set(fact::IN_NAMESPACE, is_in_namespace(sent.target));
    }
    let Some(room) = emit::reserve::<Generate>() else { return false };
    write(&room, scratch, sent, call, times, ids, target_ids);
    room.submit();
    true
}

/// Whether the current thread is at an instruction that it gets the signal for.
#[inline(always)]
fn is_fault(scratch: Scratch, sent: Sent, number: u32) -> bool {
    /// SIGILL, SIGTRAP, SIGBUS, SIGFPE and SIGSEGV.
    const OF_INSTRUCTIONS: u64 = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 11;
    scratch.has(fact::SAME_THREAD)
        && number == NO_CALL
        && sent.has_info()
        && OF_INSTRUCTIONS >> (sent.signal & 63) & 1 != 0
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
    scratch: Scratch,
    sent: Sent,
    (call, shape): (Call, Option<ShapeRef>),
    [time_ns, request_ns, merged_ns]: [u64; 3],
    ids: (u32, u32),
    target_ids: (u32, u32),
) {
    let (to, facts) = (room.as_ptr(), scratch.facts());
    // SAFETY: room in the ring for a whole record, every byte of which is written here.
    unsafe {
        emit::begin(&raw mut (*to).header, RecordKind::Generate, size_of::<Generate>());
        ((*to).header.cpu, (*to).header.more) = (bpf_get_smp_processor_id() as u16, 0);
        (*to).time_ns = time_ns;
        (*to).request_ns = request_ns;
        let info = (&raw mut (*to).info).cast::<u64>();
        // Volatile, as otherwise the compiler makes a loop of it.
        let mut i = 0;
        while i < KERNEL_SIGINFO_SIZE / 8 {
            info.add(i).write_volatile(scratch.info(i));
            i += 1;
        }
        (*to).handler = cause::handler(scratch, sent);
        oom::describe(facts, (&raw mut (*to).memory).cast::<u64>());
        ((*to).args[0], (*to).args[1], (*to).args[2]) = (call.args[0], call.args[1], call.args[2]);
        let target = Object::task(sent.target.address());
        party::describe(&raw mut (*to).target, target, target_ids, 0);
        party::describe(&raw mut (*to).current, Object::current(), ids, ns_pid(shape));
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

/// What the current process is in its own pid namespace, if it makes a siginfo of its own, which should name it.
#[inline(always)]
fn ns_pid(shape: Option<ShapeRef>) -> u32 {
    let Some(shape) = shape else { return 0 };
    if has(shape, flag::SENDS_SIGINFO) {
        own_number(Other::current().leader().address())
    } else {
        0
    }
}

/// Whether the siginfo that the kernel makes would have other numbers for the sender.
#[inline(always)]
fn is_in_namespace(target: Other) -> bool {
    target.user_namespaces() != 0 || target.pid_namespaces() != 0
}
