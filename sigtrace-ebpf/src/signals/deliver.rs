//! Signals as they are taken.

use aya_ebpf::{
    helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns},
    macros::raw_tracepoint,
    programs::RawTracePointContext,
};
use sigtrace_common::{Counter, Deliver, RecordKind, kinds, select};

use super::{
    fatal,
    info::{self, Digest},
    party,
    pending::Key,
};
use crate::{
    calls::filter,
    config::{config, selects},
    context::mappings,
    emit::{self, Room},
    kernel::{member, object::Object, other::Other, task::Task},
    maps::{count, is_tracing},
    shares,
};

/// A signal that the current thread takes.
#[derive(Clone, Copy)]
struct Taken {
    signal: u32,
    /// The address of its siginfo.
    info: u64,
    /// What the thread does, and how: `sa_handler`, `sa_flags`.
    action: [u64; 2],
    thread: Other,
    ids: (u32, u32),
}

/// The current thread takes a signal (`get_signal`, `kernel/signal.c`). What comes without a siginfo is none: the
/// thread ends, or its process becomes another program, as its process has decided.
#[raw_tracepoint(tracepoint = "signal_deliver")]
pub fn deliver(ctx: RawTracePointContext) -> i32 {
    let info: u64 = ctx.arg(1);
    if is_tracing() && info != 0 {
        let taken = Taken {
            signal: ctx.arg(0),
            info,
            // The first two members, on both architectures.
            action: member(ctx.arg(2), 0),
            thread: Other::current(),
            ids: Task::ids(),
        };
        take(taken);
    }
    0
}

#[inline(always)]
fn take(taken: Taken) {
    let sent_ns = sent_ns(taken);
    let (pid, _) = taken.ids;
    let leader = taken.thread.leader();
    let process: u64 = member(taken.thread.address(), config!(offsets.task_signal));
    if taken.action[0] == 0 && fatal::is(taken.signal, process) {
        fatal::note(pid, leader, taken.signal, sent_ns);
    }
    if config!(kinds) & kinds::DELIVER == 0 || pid == config!(self_pid) && selects(select::NOT_SELF)
    {
        return;
    }
    let [uid, _] = taken.thread.uid_gid();
    if !filter::ended(pid, taken.signal as i32, uid, leader.comm(), leader) {
        count(Counter::DeliverLeftOut);
    } else if !emit(taken, sent_ns) {
        count(Counter::DeliverLost);
    }
}

/// When it was sent; 0 if that is not known. A thread's own queue comes first (`dequeue_signal`).
#[inline(always)]
fn sent_ns(taken: Taken) -> u64 {
    let digest = Digest::at(taken.info);
    let (pid, tid) = taken.ids;
    if let Some(sent_ns) = Key::new(tid, false, taken.signal, digest).take() {
        return sent_ns;
    }
    Key::new(pid, true, taken.signal, digest).take().unwrap_or(0)
}

/// Puts the record into the ring. Says whether there was room.
#[inline(always)]
fn emit(taken: Taken, sent_ns: u64) -> bool {
    if !shares::leaves_room(size_of::<Deliver>() as u32) {
        return false;
    }
    // SAFETY: plain helper.
    let time_ns = unsafe { bpf_ktime_get_boot_ns() };
    mappings::handler(taken.action[0], time_ns);
    let Some(room) = emit::reserve::<Deliver>() else { return false };
    write(&room, taken, [time_ns, sent_ns]);
    room.submit();
    true
}

#[inline(always)]
fn write(room: &Room<Deliver>, taken: Taken, [time_ns, sent_ns]: [u64; 2]) {
    let to = room.as_ptr();
    // SAFETY: room in the ring for a whole record, every byte of which is written here.
    unsafe {
        emit::begin(&raw mut (*to).header, RecordKind::Deliver, size_of::<Deliver>());
        ((*to).header.cpu, (*to).header.more) = (bpf_get_smp_processor_id() as u16, 0);
        (*to).time_ns = time_ns;
        (*to).generated_ns = sent_ns;
        info::copy((&raw mut (*to).info).cast::<u64>(), taken.info, true);
        ((*to).handler, (*to).flags) = (taken.action[0], taken.action[1]);
        party::describe(&raw mut (*to).process, Object::current(), taken.ids, 0);
        // The signal and the zeros behind it.
        (&raw mut (*to).signal).cast::<u64>().write(u64::from(taken.signal as u8));
    }
}
