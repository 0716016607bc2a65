//! Who is killed by whom: the signals that may end processes, kept until those are over.

use std::mem;

use crate::{
    decode::{Cause, Exit, Generate, SignalKey},
    numbered::Map,
    output::Ends,
};

/// So many signals are kept, and as many before them. Most ends follow their signals at once.
const MAX: usize = 8192;

/// A signal, and between whom it was sent.
pub(crate) type Sent = (Generate, Option<Ends>);

/// The signals.
#[derive(Debug, Default)]
pub(crate) struct Deaths {
    /// Whether signals are told of that end nobody.
    all: bool,
    /// Those that the kernel has decided to end a process by, …
    fatal: Kept,
    /// … and those that may yet: of which anybody can send as many as it takes to push out others.
    undecided: Kept,
}

/// Signals that are kept.
#[derive(Debug, Default)]
struct Kept {
    sent: Map<SignalKey, Sent>,
    before: Map<SignalKey, Sent>,
}

impl Kept {
    fn insert(&mut self, sent: Sent) {
        if self.sent.len() >= MAX {
            self.before = mem::take(&mut self.sent);
        }
        self.sent.insert(sent.0.key, sent);
    }

    fn remove(&mut self, key: SignalKey) -> Option<Sent> {
        self.sent.remove(&key).or_else(|| self.before.remove(&key))
    }
}

/// What becomes of a signal here.
pub(crate) enum Told {
    /// It is kept, as it may end a process.
    Kept,
    /// It ends nobody, or not now, which is told.
    Now(Box<Sent>),
    /// It ends nobody.
    Never,
}

impl Deaths {
    /// None so far. `all` says whether signals are told of, too, that end nobody.
    pub(crate) fn new(all: bool) -> Self {
        Self { all, ..Self::default() }
    }

    /// A signal is sent.
    pub(crate) fn note(&mut self, generate: Generate, ends: Option<Ends>) -> Told {
        if generate.fatal != Some(false) {
            // What is blocked does nothing for now, and may end the process once it is let in.
            let waits = generate.target_state.blocked || generate.target_state.awaited;
            let is_told = self.all && waits && is_of_interest(&generate);
            let told = is_told.then(|| Box::new((generate, ends.clone())));
            let is_decided = generate.fatal == Some(true);
            let kept = if is_decided { &mut self.fatal } else { &mut self.undecided };
            kept.insert((generate, ends));
            told.map_or(Told::Kept, Told::Now)
        } else if self.all && is_of_interest(&generate) {
            Told::Now(Box::new((generate, ends)))
        } else {
            Told::Never
        }
    }

    /// The signal that ended a process, if it was seen.
    pub(crate) fn of(&mut self, exit: &Exit) -> Option<Sent> {
        let key = exit.key?;
        self.fatal.remove(key).or_else(|| self.undecided.remove(key))
    }
}

/// Whether somebody would ask what became of it: not of what timers, children and descriptors tell all the time.
fn is_of_interest(generate: &Generate) -> bool {
    !matches!(generate.cause, Cause::Child | Cause::Timer | Cause::Alarm | Cause::FileNotification)
        && generate.signal != libc::SIGWINCH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{
        self, WallClock,
        tests_of_exit::segfault,
        tests_of_generate::{bytes_of, terminate},
    };

    const CLOCK: WallClock = WallClock { offset_ns: 0 };

    fn sent(time_ns: u64, handler: u64) -> Generate {
        let record = sigtrace_common::Generate { time_ns, handler, ..terminate() };
        decode::generate(&bytes_of(&record), CLOCK).unwrap()
    }

    /// The end that the sample's signal at 990,000,001 caused.
    fn exit() -> Exit {
        decode::exit(&segfault(&[]), CLOCK).unwrap()
    }

    #[test]
    fn an_end_finds_the_signal_that_caused_it_once() {
        let mut deaths = Deaths::new(false);
        assert!(matches!(deaths.note(sent(990_000_001, 0), None), Told::Kept));
        assert!(matches!(deaths.note(sent(990_000_002, 0), None), Told::Kept));
        assert_eq!(deaths.of(&exit()).map(|sent| sent.0.key.sent_ns), Some(990_000_001));
        assert!(deaths.of(&exit()).is_none());
        assert!(deaths.of(&Exit { key: None, ..exit() }).is_none());
    }

    #[test]
    fn what_ends_nobody_is_told_only_if_asked_for_and_not_kept() {
        let caught = || sent(990_000_001, 0x1000);
        assert!(matches!(Deaths::new(false).note(caught(), None), Told::Never));
        let mut deaths = Deaths::new(true);
        assert!(matches!(deaths.note(caught(), None), Told::Now(_)));
        let child = Generate { cause: Cause::Child, ..caught() };
        assert!(matches!(deaths.note(child, None), Told::Never));
        assert!(deaths.of(&exit()).is_none());
    }

    #[test]
    fn what_is_blocked_is_told_if_asked_for_and_may_end_a_process_later() {
        let blocked = || {
            let sent = sent(990_000_001, 0);
            let target_state = crate::decode::TargetState { blocked: true, ..sent.target_state };
            Generate { target_state, ..sent }
        };
        assert!(matches!(Deaths::new(false).note(blocked(), None), Told::Kept));
        let mut deaths = Deaths::new(true);
        assert!(matches!(deaths.note(blocked(), None), Told::Now(_)));
        assert!(deaths.of(&exit()).is_some());
    }

    #[test]
    fn signals_that_end_nobody_after_all_do_not_take_more_and_more_memory() {
        let mut deaths = Deaths::new(false);
        for time_ns in 0..3 * MAX as u64 {
            deaths.note(sent(time_ns, 0), None);
        }
        assert!(deaths.undecided.sent.len() <= MAX && deaths.undecided.before.len() <= MAX);
    }

    #[test]
    fn signals_that_are_not_decided_do_not_push_out_the_one_that_kills() {
        let mut deaths = Deaths::new(false);
        let kills = Generate { fatal: Some(true), ..sent(990_000_001, 0) };
        deaths.note(kills, None);
        for time_ns in 0..3 * MAX as u64 {
            deaths.note(sent(time_ns, 0), None);
        }
        assert_eq!(deaths.of(&exit()).map(|sent| sent.0.key.sent_ns), Some(990_000_001));
    }
}
