//! The signals of one number that were sent to a process, or to a thread, in the order in which they were sent.

use std::collections::VecDeque;

use super::content::Content;
use crate::decode::{Cause, Generate, Siginfo, WallClock};

/// The first of the signals of which a queue holds any number (`SIGRTMIN`, as the kernel has it).
const SIGRTMIN: i32 = 32;

/// So many of those are kept, …
const MAX_QUEUED: usize = 1024;
/// … and of the others, of which one at most is pending: calls that began before can have taken one of these.
const MAX_SINGLE: usize = 8;

/// By so much the clock of one processor may be behind that of another.
const CLOCKS_APART_NS: u64 = 1_000_000;

/// A signal that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) id: u64,
    pub(super) sent_ns: u64,
    /// When the process began that it was sent to.
    process_start_ns: u64,
    /// The thread that waited for it in rt_sigtimedwait, if the one that the kernel names did.
    awaited_by: Option<u32>,
    content: Content,
    /// Whether a timer sends it, which has one signal at most that is pending.
    is_timers: bool,
    /// It was taken, or dropped, nobody knows how.
    gone: Option<Gone>,
}

/// When a signal was gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    /// By then.
    pub(super) by_ns: u64,
    /// If that is known because a thread took another one: by then it could not take it any more.
    pub(super) to: Option<u32>,
}

impl Sent {
    pub(super) fn new(generate: &Generate, clock: WallClock) -> Self {
        Self {
            id: generate.id,
            sent_ns: generate.key.sent_ns,
            process_start_ns: clock.boot_ns(generate.target.process.start_ns),
            awaited_by: generate.target_state.awaited.then_some(generate.target.tid),
            content: Content::of(generate),
            is_timers: generate.cause == Cause::Timer,
            gone: None,
        }
    }

    /// Whether it is known to be gone by some time.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.is_some()
    }

    /// Whether both are of one timer.
    fn is_of_same_timer(&self, other: &Self) -> bool {
        let Content::Info(info) = &other.content else { return false };
        self.is_timers && other.is_timers && self.content.may_be(info)
    }
}

/// When a call can have taken its signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Of this thread.
    pub(super) tid: u32,
    /// It was entered then …
    pub(super) entered_ns: u64,
    /// … and had taken none by then: either the same, or a time when the thread still waited.
    pub(super) from_ns: u64,
    /// Whether it waited, as there was none as it was entered.
    pub(super) has_waited: bool,
}

impl Window {
    /// Whether what was sent then was so before it, for certain.
    pub(super) fn is_before(self, sent_ns: u64) -> bool {
        sent_ns <= self.from_ns.saturating_sub(CLOCKS_APART_NS)
    }
}

/// The signals.
#[derive(Debug)]
pub(super) struct Queue {
    /// Whether any number of them can be pending.
    is_queue: bool,
    sent: VecDeque<Sent>,
    /// A call that began before can have taken one that is not kept any more.
    unsure_until_ns: u64,
}

impl Queue {
    /// Of signals with this number; none so far.
    pub(super) fn new(signal: i32) -> Self {
        Self { is_queue: signal >= SIGRTMIN, sent: VecDeque::new(), unsure_until_ns: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    /// Whether there is nothing to be known of it.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.unsure_until_ns == 0
    }

    /// It is sent, and pending.
    pub(super) fn push(&mut self, sent: Sent) {
        // Timers put theirs into the queue whatever is pending (`posixtimer_send_sigqueue`, `kernel/signal.c`).
        let is_alone = !self.is_queue && !sent.is_timers;
        let others = self.sent.iter_mut().filter(|it| is_alone || it.is_of_same_timer(&sent));
        for other in others {
            other.gone.get_or_insert(Gone { by_ns: sent.sent_ns, to: None });
        }
        if is_alone && self.unsure_until_ns == u64::MAX {
            self.unsure_until_ns = sent.sent_ns;
        }
        self.sent.push_back(sent);
        let max = if self.is_queue { MAX_QUEUED } else { MAX_SINGLE };
        if self.sent.len() > max
            && let Some(first) = self.sent.pop_front()
        {
            let gone_ns = first.gone.map_or(u64::MAX, |gone| gone.by_ns);
            self.unsure_until_ns = self.unsure_until_ns.max(gone_ns);
        }
    }

    /// It may have signals from now on that are not kept.
    pub(super) fn be_unsure(&mut self) {
        self.unsure_until_ns = u64::MAX;
    }

    /// Those that a call can have taken that it took with this, if that is known.
    pub(super) fn candidates(
        &self,
        taken: Option<&Siginfo>,
        window: Window,
    ) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(move |sent| {
            let late = |time_ns: u64| time_ns.saturating_add(CLOCKS_APART_NS);
            let can_be_there =
                |gone: Gone| gone.to != Some(window.tid) && late(gone.by_ns) > window.from_ns;
            sent.gone.is_none_or(can_be_there)
                && (!window.has_waited || late(sent.sent_ns) > window.entered_ns)
                && taken.is_none_or(|taken| sent.content.may_be(taken))
        })
    }

    /// When the last one was sent that this thread waited for.
    pub(super) fn last_awaited(&self, tid: u32) -> Option<u64> {
        let awaited = self.sent.iter().rev().find(|sent| sent.awaited_by == Some(tid))?;
        Some(awaited.sent_ns)
    }

    /// When the process began that this one was sent to.
    pub(super) fn process_start_ns(&self, sent_ns: u64) -> Option<u64> {
        Some(self.sent.iter().find(|sent| sent.sent_ns == sent_ns)?.process_start_ns)
    }

    /// Whether a call then can have taken one that is not kept any more.
    pub(super) fn is_unsure(&self, window: Window) -> bool {
        window.from_ns <= self.unsure_until_ns && self.unsure_until_ns != 0
    }

    /// Whether nothing was pending before those that are kept, to a call then: of signals that are pending one at a
    /// time, that is so as one is sent.
    pub(super) fn begins_empty(&self, window: Window) -> bool {
        let is_alone = |sent: &Sent| !sent.is_timers && sent.sent_ns <= window.from_ns;
        !self.is_queue && self.sent.iter().any(is_alone)
    }

    /// This one is taken; by then those before it were, or were dropped. Its id, if it is there.
    pub(super) fn remove(&mut self, sent_ns: u64, gone: Gone) -> Option<u64> {
        let index = self.mark_gone(sent_ns, gone)?;
        Some(self.sent.remove(index)?.id)
    }

    /// This one is gone, and those before it: in the order in which they were sent, which the clocks of two processors
    /// need not agree on. Its place, if it is there.
    pub(super) fn mark_gone(&mut self, sent_ns: u64, gone: Gone) -> Option<usize> {
        let index = self.sent.iter().position(|sent| sent.sent_ns == sent_ns)?;
        for sent in self.sent.iter_mut().take(index + 1) {
            sent.gone.get_or_insert(gone);
        }
        Some(index)
    }

    /// Of two queues, this is the one that a call looks at first, and it took one from the other: so what was sent to
    /// this before the call is gone.
    pub(super) fn pass_over(&mut self, window: Window, gone: Gone) {
        for sent in self.sent.iter_mut().take_while(|sent| window.is_before(sent.sent_ns)) {
            sent.gone.get_or_insert(gone);
        }
    }
}
