//! Calls that were told of as unfinished, until their record comes.

use std::collections::HashSet;

use sigtrace_common::State;

use crate::{
    decode::{CallKey, Glance},
    numbered::Map,
};

/// A record is in the ring no later than this after its call has left its slot: the program that
/// puts it there can be preempted in between.
const IN_TRANSIT_NS: u64 = 1_000_000_000;

/// What a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// A call that was not told of.
    New,
    /// The return, seen or missed, of the call that was told of with this id.
    Return(u64),
    /// A call that was told of and is still under way, or of which the telling was lost.
    Known,
}

/// The calls.
#[derive(Debug, Default)]
pub(crate) struct Told {
    calls: Map<CallKey, Entry>,
    /// What was put into the ring until then has been taken, on the clock of records.
    taken_ns: u64,
}

#[derive(Debug)]
struct Entry {
    /// `None` if what told of it was lost.
    id: Option<u64>,
    /// When it was first found to be under way no more.
    gone_ns: Option<u64>,
}

impl Told {
    /// Takes note of a call that was told of with this id.
    pub(crate) fn remember(&mut self, key: CallKey, id: u64) {
        self.calls.insert(key, Entry { id: Some(id), gone_ns: None });
    }

    /// Takes note of a call that is booked, but was not told of: its return is nothing to tell of.
    pub(crate) fn remember_lost(&mut self, key: CallKey) {
        self.calls.insert(key, Entry { id: None, gone_ns: None });
    }

    /// What told of a call was lost. The call is booked, so that its return is nothing to tell of.
    pub(crate) fn lose(&mut self, key: CallKey) {
        if let Some(entry) = self.calls.get_mut(&key) {
            entry.id = None;
        }
    }

    /// The id that a call was told of with, if its record has not come.
    pub(crate) fn id(&self, key: CallKey) -> Option<u64> {
        self.calls.get(&key)?.id
    }

    /// Whether a call was told of, and its record has not come.
    pub(crate) fn knows(&self, key: CallKey) -> bool {
        self.calls.contains_key(&key)
    }

    /// What a record is of that comes now. A call whose return it is, is forgotten.
    pub(crate) fn meet(&mut self, record: &[u8]) -> Met {
        // As it is nearly always.
        if self.calls.is_empty() {
            return Met::New;
        }
        let Some(Glance { key, state, returned_ns }) = Glance::at(record) else { return Met::New };
        self.taken_until(returned_ns.unwrap_or(0));
        if state == State::Entered {
            return if self.knows(key) { Met::Known } else { Met::New };
        }
        match self.calls.remove(&key) {
            Some(Entry { id: Some(id), .. }) => Met::Return(id),
            Some(Entry { id: None, .. }) => Met::Known,
            None => Met::New,
        }
    }

    /// What was put into the ring until this time has been taken.
    pub(crate) fn taken_until(&mut self, time_ns: u64) {
        self.taken_ns = self.taken_ns.max(time_ns);
    }

    /// Forgets calls that are not among those `under_way` any more, as of now, and whose record is
    /// not to be expected: it would have come if the ring had had room for it. That is not known
    /// at once, as it may still be in the ring, so that they are looked at again the next time.
    pub(crate) fn retain(&mut self, under_way: &HashSet<CallKey>, now_ns: u64) {
        let taken_ns = self.taken_ns;
        self.calls.retain(|key, entry| {
            if under_way.contains(key) {
                entry.gone_ns = None;
                return true;
            }
            let gone_ns = *entry.gone_ns.get_or_insert(now_ns);
            taken_ns <= gone_ns.saturating_add(IN_TRANSIT_NS)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use sigtrace_common::Record;

    use super::*;
    use crate::decode::sample::Sample;

    const SECOND: u64 = 1_000_000_000;

    /// A call of the samples' thread that was entered at this time.
    fn call(entered_ns: u64) -> Sample {
        Sample::of("pause", &[]).with(offset_of!(Record, entered_ns), &entered_ns.to_ne_bytes())
    }

    fn key(entered_ns: u64) -> CallKey {
        CallKey { tid: 815, entered_ns }
    }

    fn told(calls: &[(u64, u64)]) -> Told {
        let mut told = Told::default();
        for (entered_ns, id) in calls {
            told.remember(key(*entered_ns), *id);
        }
        told
    }

    #[test]
    fn a_record_of_a_call_that_was_told_of_is_its_return_once() {
        for state in [State::Returned, State::Missed] {
            let (mut told, record) = (told(&[(10, 41), (20, 42)]), call(10).state(state));
            assert_eq!(told.meet(record.bytes()), Met::Return(41));
            assert_eq!(told.meet(record.bytes()), Met::New);
            assert_eq!((told.knows(key(10)), told.knows(key(20))), (false, true));
        }
    }

    #[test]
    fn a_record_of_any_other_call_is_new() {
        assert_eq!(told(&[]).meet(call(10).bytes()), Met::New);
        assert_eq!(told(&[(10, 41)]).meet(call(11).bytes()), Met::New);
        assert_eq!(told(&[(10, 41)]).meet(call(11).state(State::Entered).bytes()), Met::New);
        assert_eq!(told(&[(10, 41)]).meet(b"no record"), Met::New);
    }

    #[test]
    fn a_call_that_is_under_way_is_known_and_stays_so() {
        let (mut told, record) = (told(&[(10, 41)]), call(10).state(State::Entered));
        assert_eq!(told.meet(record.bytes()), Met::Known);
        assert_eq!(told.meet(record.bytes()), Met::Known);
        assert_eq!(told.meet(call(10).bytes()), Met::Return(41));
    }

    #[test]
    fn the_return_of_a_call_whose_telling_was_lost_is_known() {
        let mut told = told(&[(10, 41), (20, 42)]);
        told.lose(key(10));
        assert_eq!(told.meet(call(10).state(State::Entered).bytes()), Met::Known);
        assert_eq!(told.meet(call(10).bytes()), Met::Known);
        assert_eq!(told.meet(call(20).bytes()), Met::Return(42));
    }

    #[test]
    fn a_call_that_is_gone_is_forgotten_once_its_record_would_have_come() {
        let mut told = told(&[(10, 41), (20, 42)]);
        let under_way = HashSet::from([key(20)]);
        told.taken_until(5 * SECOND);
        told.retain(&under_way, 6 * SECOND);
        assert!(told.knows(key(10)), "it may be in the ring");
        told.taken_until(7 * SECOND);
        told.retain(&under_way, 9 * SECOND);
        assert!(told.knows(key(10)), "it may be on its way into the ring");
        told.taken_until(7 * SECOND + 1);
        told.retain(&under_way, 9 * SECOND);
        assert_eq!((told.knows(key(10)), told.knows(key(20))), (false, true));
    }

    #[test]
    fn what_has_been_taken_is_told_by_the_records_too() {
        let mut told = told(&[(10, 41)]);
        told.retain(&HashSet::new(), SECOND);
        // It returned 812 ns later.
        assert_eq!(told.meet(call(2 * SECOND).bytes()), Met::New);
        told.retain(&HashSet::new(), 3 * SECOND);
        assert!(!told.knows(key(10)));
    }

    #[test]
    fn a_call_that_turns_up_again_is_not_forgotten() {
        let mut told = told(&[(10, 41)]);
        told.retain(&HashSet::new(), SECOND);
        told.retain(&HashSet::from([key(10)]), 2 * SECOND);
        told.taken_until(3 * SECOND);
        told.retain(&HashSet::new(), 3 * SECOND);
        assert!(told.knows(key(10)));
    }
}
