//! The ids of events, and of calls that others refer to.

use std::mem;

use crate::{
    decode::{CallKey, SignalKey},
    numbered::Map,
    output::MAX_NUMBER,
};

/// The largest id: it always is a number.
pub(crate) const MAX: u64 = MAX_NUMBER;

/// So many threads can have a call that was referred to and has not come. It will not come if it was filtered out,
/// or lost.
const MAX_EXPECTED: usize = 65_536;

/// So many signals are remembered that were sent, and as many before them.
const MAX_SIGNALS: usize = 65_536;

/// Gives everything of a run that has an id one of its own.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    given: u64,
    /// The calls that were referred to, by thread: when that was entered, and its id.
    expected: Map<u32, (u64, u64)>,
    /// The signals that were told of or referred to, and those before them.
    signals: [Map<SignalKey, u64>; 2],
}

impl Ids {
    /// The id of what is met for the first time. The first one's is 0.
    pub(crate) fn give(&mut self) -> u64 {
        let id = self.given;
        // For a million calls a second there are enough up to MAX for 285 years.
        self.given += 1;
        id
    }

    /// That of a call that is referred to, and has not come yet.
    pub(crate) fn refer_to(&mut self, call: CallKey) -> u64 {
        if let Some((entered_ns, id)) = self.expected.get(&call.tid)
            && *entered_ns == call.entered_ns
        {
            return *id;
        }
        if self.expected.len() >= MAX_EXPECTED {
            // Of which nearly all are calls that will not come.
            self.expected.clear();
        }
        let id = self.give();
        self.expected.insert(call.tid, (call.entered_ns, id));
        id
    }

    /// That of a signal as it was sent, which is told of or referred to.
    pub(crate) fn of_signal(&mut self, signal: SignalKey) -> u64 {
        let [signals, before] = &mut self.signals;
        if let Some(id) = signals.get(&signal).or_else(|| before.get(&signal)) {
            return *id;
        }
        let id = self.give();
        let [signals, before] = &mut self.signals;
        if signals.len() >= MAX_SIGNALS {
            *before = mem::take(signals);
        }
        signals.insert(signal, id);
        id
    }

    /// That of a call that comes: the one that it was referred to by, if it was. `key` tells which it is.
    pub(crate) fn of_call(&mut self, key: impl FnOnce() -> Option<CallKey>) -> u64 {
        // As it is nearly always.
        if self.expected.is_empty() {
            return self.give();
        }
        let Some(call) = key() else { return self.give() };
        match self.expected.remove(&call.tid) {
            Some((entered_ns, id)) if entered_ns == call.entered_ns => id,
            // A thread is in one call at a time.
            Some(other) if other.0 > call.entered_ns => {
                self.expected.insert(call.tid, other);
                self.give()
            }
            _ => self.give(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(tid: u32, entered_ns: u64) -> CallKey {
        CallKey { tid, entered_ns }
    }

    #[test]
    fn no_id_is_given_twice() {
        let mut ids = Ids::default();
        assert_eq!([ids.give(), ids.of_call(|| None), ids.give()], [0, 1, 2]);
    }

    #[test]
    fn a_call_has_the_id_that_it_was_referred_to_by() {
        let mut ids = Ids::default();
        let referred = [call(7, 10), call(8, 10), call(7, 10)].map(|call| ids.refer_to(call));
        assert_eq!(referred, [0, 1, 0]);
        assert_eq!(ids.of_call(|| Some(call(9, 10))), 2);
        assert_eq!(ids.of_call(|| Some(call(7, 10))), 0);
        assert_eq!(ids.of_call(|| Some(call(7, 10))), 3);
        assert_eq!(ids.of_call(|| Some(call(8, 10))), 1);
    }

    #[test]
    fn a_call_that_never_came_gives_its_id_to_no_other() {
        let mut ids = Ids::default();
        assert_eq!(ids.refer_to(call(7, 10)), 0);
        assert_eq!(ids.of_call(|| Some(call(7, 11))), 1);
        assert_eq!(ids.refer_to(call(7, 12)), 2);
        // One that comes late.
        assert_eq!(ids.of_call(|| Some(call(7, 9))), 3);
        assert_eq!(ids.of_call(|| Some(call(7, 12))), 2);
    }

    #[test]
    fn a_signal_has_one_id_for_as_long_as_it_is_remembered() {
        let signal = |sent_ns| SignalKey { pid: 7, sent_ns };
        let mut ids = Ids::default();
        assert_eq!([1, 2, 1].map(|time| ids.of_signal(signal(time))), [0, 1, 0]);
        for time in 3..3 + MAX_SIGNALS as u64 {
            ids.of_signal(signal(time));
        }
        assert_eq!(ids.of_signal(signal(2)), 1);
        for time in 100_000..100_000 + 2 * MAX_SIGNALS as u64 {
            ids.of_signal(signal(time));
        }
        assert!(ids.of_signal(signal(2)) > 1);
        assert!(ids.signals.iter().all(|signals| signals.len() <= MAX_SIGNALS));
    }

    #[test]
    fn calls_that_never_come_do_not_take_more_and_more_memory() {
        let mut ids = Ids::default();
        for tid in 0..2 * MAX_EXPECTED {
            ids.refer_to(call(u32::try_from(tid).unwrap(), 10));
        }
        assert!(ids.expected.len() <= MAX_EXPECTED);
    }
}
