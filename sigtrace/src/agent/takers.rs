//! Which signals calls take: rt_sigtimedwait (sigwait, sigwaitinfo) and reads from a signalfd.
//!
//! The kernel does not tell, and has no tracepoint there. But every signal is told of as it is sent, before the call
//! that takes it returns. So what was sent is kept until it is seen to be taken. What a call took is then the
//! signal that was sent to its thread or its process with this number and this content, if there is only one.
//! If there are several, or none, it is not known which it was.
//!
//! That is right as long as the signal that was taken is among those that are kept. Others that are long gone do no
//! harm, but one that was sent unseen would. So the queue has to be known: its process began after tracing did, or
//! no such signal was pending when it was [looked at](Queues) after that, or the thread found none and had to wait.
//! When signals are lost, everything is forgotten.

mod content;
mod queue;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, path::Path};

use sigtrace_common::{Kind, Outcome, kinds, select};

use self::queue::{Gone, Queue, Sent, Window};
use super::clock::{KERNEL, now_ns};
use crate::{
    decode::{
        Call, Cause, Deliver, Generate, Return, SentOutcome, Siginfo, Taken, Value, WallClock,
    },
    numbered::Map,
    pending::{Owner, Queues},
};

/// So many signals are kept. If there are more, most of them were taken without anybody telling, and all are
/// forgotten.
const MAX: usize = 65_536;

/// Of so many threads of a process is looked at what was sent to them, and of no more.
const MAX_OTHERS: usize = 64;

/// What is pending is looked at no more often than this, …
const SCANS_APART_NS: u64 = 10_000_000_000;
/// … and than this many times as long as it takes.
const SCANS_APART: u64 = 100;

/// Filters for who sends a signal, which hide some of those that are sent to one who takes them.
const BY_SENDER: u64 = select::CALLER
    | select::TID
    | select::FEW_TIDS
    | select::UID
    | select::FEW_UIDS
    | select::COMM
    | select::FEW_COMMS
    | select::CGROUP;

/// The signals that were sent and not seen to be taken.
#[derive(Debug, Default)]
pub(crate) struct Takers {
    /// Whether all signals are told of that are sent to those whose calls are.
    sees_all: bool,
    queues: Map<Key, Queue>,
    /// The queues of threads that are not the first of their process: that, the signal, the thread.
    others: BTreeSet<(u32, i32, u32)>,
    /// How many signals were kept since they were last counted, besides those that there were.
    kept: usize,
    /// All that were sent since are kept, on the clock of records.
    known_ns: u64,
    /// How many signals the kernel side had lost by then.
    lost: u64,
    /// What was pending when that was looked at last: by then, …
    pending: Queues,
    pending_ns: u64,
    /// … and when it may be again.
    scan_due_ns: u64,
}

/// A signal in a queue.
type Key = (Owner, i32);

/// A call that takes signals.
#[derive(Clone, Copy, Debug)]
struct Taker {
    pid: u32,
    tid: u32,
    /// When it began and ended, on the clock of records.
    entered_ns: u64,
    returned_ns: u64,
}

impl Taker {
    /// The queues that it takes a signal from, in this order (`dequeue_signal`, `kernel/signal.c`).
    fn keys(&self, signal: i32) -> [Key; 2] {
        [Owner::Thread(self.tid), Owner::Process(self.pid)].map(|owner| (owner, signal))
    }
}

impl Takers {
    /// None so far: tracing has begun, of these kinds of events and with these filters, bits of [`kinds`] and
    /// [`select`]; `lost` is how many signals were lost before. `None` if they are not told of.
    pub(crate) fn new(chosen: u32, filters: u64, lost: u64) -> Option<Self> {
        if chosen & kinds::GENERATE == 0 {
            return None;
        }
        let mut takers = Self { lost, ..Self::since(now_ns(KERNEL), filters) };
        if takers.sees_all {
            takers.scan();
        }
        Some(takers)
    }

    fn since(known_ns: u64, filters: u64) -> Self {
        Self { sees_all: filters & BY_SENDER == 0, known_ns, ..Self::default() }
    }

    /// Looks at what is pending.
    fn scan(&mut self) {
        let begin_ns = now_ns(KERNEL);
        self.pending = Queues::below(Path::new("/proc"));
        self.pending_ns = now_ns(KERNEL);
        let apart = (self.pending_ns - begin_ns).saturating_mul(SCANS_APART).max(SCANS_APART_NS);
        self.scan_due_ns = self.pending_ns.saturating_add(apart);
    }

    /// Signals are sent that are not kept.
    pub(crate) fn forget(&mut self) {
        self.queues.clear();
        self.others.clear();
        self.kept = 0;
        self.known_ns = now_ns(KERNEL);
    }

    /// A signal is sent.
    pub(crate) fn note(&mut self, generate: &Generate, clock: WallClock) {
        if !self.sees_all || generate.key.sent_ns < self.known_ns {
            return;
        }
        let owner = if generate.to_process {
            Owner::Process(generate.target.process.pid)
        } else {
            Owner::Thread(generate.target.tid)
        };
        let key = (owner, generate.signal);
        match generate.outcome {
            // What ends the process at once is taken by nobody.
            SentOutcome::Delivered | SentOutcome::InfoLost if generate.fatal != Some(true) => {
                self.make_room();
                let thread = &generate.target;
                if !generate.to_process && thread.tid != thread.process.pid {
                    self.others.insert((thread.process.pid, generate.signal, thread.tid));
                }
                self.queue(key).push(Sent::new(generate, clock));
            }
            // From 6.13 on it is put into the queue, without anybody telling, once it is not ignored any more.
            SentOutcome::Ignored if generate.cause == Cause::Timer => {
                self.make_room();
                self.queue(key).be_unsure();
            }
            _ => {}
        }
    }

    fn queue(&mut self, key: Key) -> &mut Queue {
        self.queues.entry(key).or_insert_with(|| Queue::new(key.1))
    }

    /// Makes room for another signal.
    fn make_room(&mut self) {
        self.kept += 1;
        if self.kept <= MAX {
            return;
        }
        self.queues.retain(|_, queue| !queue.is_empty());
        let queues = &self.queues;
        self.others.retain(|(_, signal, tid)| queues.contains_key(&(Owner::Thread(*tid), *signal)));
        self.kept = self.queues.values().map(|queue| queue.len() + 1).sum();
        if self.kept > MAX / 2 {
            self.forget();
        }
    }

    /// A thread takes a signal without a call.
    pub(crate) fn delivered(&mut self, deliver: &Deliver) {
        let Some(key) = deliver.key else { return };
        let process = Owner::Process(deliver.thread.process.pid);
        for owner in [Owner::Thread(deliver.thread.tid), process] {
            if let Some(queue) = self.queues.get_mut(&(owner, deliver.signal)) {
                let by_ns = key.sent_ns.saturating_add(deliver.latency_ns.unwrap_or(0));
                queue.remove(key.sent_ns, Gone { by_ns, to: Some(deliver.thread.tid) });
            }
        }
    }

    /// Tells which signals a call took, if it did take any. `lost` is how many the kernel side has lost of those
    /// that were sent.
    pub(crate) fn find(&mut self, call: &mut Call<'_>, clock: WallClock, lost: impl Fn() -> u64) {
        let Some(signals) = signals(call) else { return };
        // As of now, so that it has what was lost before the call returned.
        let lost = lost();
        if lost != self.lost {
            self.lost = lost;
            self.forget();
        }
        let entered_ns = clock.boot_ns(call.time_ns);
        let returned_ns = entered_ns.saturating_add(call.duration_ns().unwrap_or(0));
        let taker = Taker { pid: call.pid, tid: call.tid, entered_ns, returned_ns };
        let mut taken = Taken::default();
        match signals {
            Signals::One(signal, info) => taken.put(0, self.take(taker, signal, info.as_ref())),
            Signals::Read(infos) => {
                for (index, info) in infos.iter().enumerate() {
                    taken.put(index, self.take(taker, info.signo, Some(&info)));
                }
            }
        }
        call.taken = Some(taken);
    }

    /// The id of a signal that a call took, if it is certain which it is; `info` is what it came with, if that is
    /// known.
    fn take(&mut self, taker: Taker, signal: i32, info: Option<&Siginfo>) -> Option<u64> {
        if !self.sees_all {
            return None;
        }
        let keys = taker.keys(signal);
        let window = self.window(taker, keys);
        if self.is_anothers(taker, signal, info, window) {
            return None;
        }
        let found: Vec<(Key, u64, bool)> = keys
            .iter()
            .filter_map(|key| Some((*key, self.queues.get(key)?)))
            .flat_map(|(key, queue)| {
                let sent = queue.candidates(info, window);
                sent.map(move |sent| (key, sent.sent_ns, sent.is_gone()))
            })
            .collect();
        let &(key, sent_ns, _) = found.first()?;
        let start_ns = self.queues.get(&key)?.process_start_ns(sent_ns)?;
        if !keys.iter().all(|key| self.knows(*key, taker.pid, start_ns, window)) {
            if now_ns(KERNEL) >= self.scan_due_ns {
                self.scan();
            }
            return None;
        }
        let gone = Gone { by_ns: taker.returned_ns, to: Some(taker.tid) };
        if found.len() == 1 {
            if key == keys[1]
                && let Some(first) = self.queues.get_mut(&keys[0])
            {
                first.pass_over(window, gone);
            }
            return self.queues.get_mut(&key)?.remove(sent_ns, gone);
        }
        // The first was taken, now or before, and so were those before it: they are taken in the order in which they
        // were sent. But if some are known to be gone already, it can have been one of these; and if some are in
        // another queue, the first has to have been there as the call began.
        let is_first = window.is_before(sent_ns) || found.iter().all(|(other, ..)| *other == key);
        if is_first && found.iter().all(|(_, _, is_gone)| !is_gone) {
            self.queues.get_mut(&key)?.mark_gone(sent_ns, gone);
        }
        None
    }

    /// When a call can have taken its signal.
    fn window(&self, taker: Taker, keys: [Key; 2]) -> Window {
        let queues = keys.iter().filter_map(|key| self.queues.get(key));
        let awaited = queues.flat_map(|queue| queue.last_awaited(taker.tid));
        let awaited_ns = awaited.max().filter(|sent_ns| *sent_ns > taker.entered_ns);
        Window {
            tid: taker.tid,
            entered_ns: taker.entered_ns,
            from_ns: awaited_ns.unwrap_or(taker.entered_ns),
            has_waited: awaited_ns.is_some() && taker.entered_ns >= self.known_ns,
        }
    }

    /// Whether a call of the first thread of a process can have taken what was sent to another one: if that has
    /// executed a program since it is the first now, and has kept its queue (`de_thread`, `fs/exec.c`). Not if the call
    /// waited: then there was nothing in any queue of its thread, and who executes a program meanwhile ends the call.
    fn is_anothers(
        &self,
        taker: Taker,
        signal: i32,
        info: Option<&Siginfo>,
        window: Window,
    ) -> bool {
        let Taker { pid, tid, .. } = taker;
        if tid != pid || window.has_waited {
            return false;
        }
        let others = || self.others.range((pid, signal, 0)..=(pid, signal, u32::MAX));
        let has_it = |(.., tid): &(u32, i32, u32)| {
            let queue = self.queues.get(&(Owner::Thread(*tid), signal));
            queue.is_some_and(|queue| queue.candidates(info, window).next().is_some())
        };
        others().nth(MAX_OTHERS).is_some() || others().any(has_it)
    }

    /// Whether all that can have been taken from a queue, then, are among those that are kept. `start_ns` is when
    /// the process began.
    fn knows(&self, key: Key, pid: u32, start_ns: u64, window: Window) -> bool {
        if window.has_waited {
            return true;
        }
        let queue = self.queues.get(&key);
        if window.from_ns < self.known_ns || queue.is_some_and(|queue| queue.is_unsure(window)) {
            return false;
        }
        let is_looked_at = self.pending_ns >= self.known_ns && window.from_ns >= self.pending_ns;
        start_ns > self.known_ns
            || queue.is_some_and(|queue| queue.begins_empty(window))
            || is_looked_at && self.pending.is_empty(pid, key.0, key.1)
    }
}

/// The signals that a call took: their numbers, and what came with them.
enum Signals<'a> {
    One(i32, Option<Siginfo>),
    Read(crate::decode::SignalfdSiginfos<'a>),
}

/// Those that it took, if it did take any.
fn signals<'a>(call: &Call<'a>) -> Option<Signals<'a>> {
    let is_wait = call.syscall.outcome == Outcome::Signal;
    if !is_wait && call.syscall.position(Kind::SignalfdSiginfo).is_none() {
        return None;
    }
    let Return::Value { ret, .. } = call.outcome else { return None };
    if ret <= 0 {
        return None;
    }
    let info = call.values.iter().find_map(|value| match value {
        Value::Siginfo(info) => Some(*info),
        _ => None,
    });
    if is_wait {
        return Some(Signals::One(i32::try_from(ret).ok()?, info));
    }
    call.values.iter().find_map(|value| match value {
        Value::SignalfdSiginfos(infos) => Some(Signals::Read(*infos)),
        _ => None,
    })
}
