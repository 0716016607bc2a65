//! What is seen of a record before it is decoded.

use std::mem::offset_of;

use sigtrace_common::{Record, State};

use super::bytes;

/// What tells a call from all others of a run: a thread is in one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallKey {
    /// Caller's thread id, in the initial pid namespace.
    pub tid: u32,
    /// When the call was entered, in nanoseconds of `CLOCK_BOOTTIME`.
    pub entered_ns: u64,
}

/// Which call a record is of, and how far that got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Which call it is of.
    pub key: CallKey,
    /// How far it got.
    pub state: State,
    /// When it returned, in nanoseconds of `CLOCK_BOOTTIME`, if that was seen.
    pub returned_ns: Option<u64>,
}

/// The real user id of the caller, in the initial user namespace, in such a record; 0 if the bytes are none.
pub fn uid(record: &[u8]) -> u32 {
    bytes::u32(record, offset_of!(Record, uid)).unwrap_or(0)
}

impl Glance {
    /// At a record as it came out of the ring, or out of a thread's slot. `None` if the bytes are
    /// no record.
    pub fn at(record: &[u8]) -> Option<Self> {
        let entered_ns = bytes::u64(record, offset_of!(Record, entered_ns))?;
        let duration_ns = bytes::u64(record, offset_of!(Record, duration_ns))?;
        let tid = bytes::u32(record, offset_of!(Record, tid))?;
        let [state] = bytes::array(record, offset_of!(Record, state))?;
        let state = State::from_number(state)?;
        let returned = state == State::Returned;
        Some(Self {
            key: CallKey { tid, entered_ns },
            state,
            returned_ns: returned.then_some(entered_ns.saturating_add(duration_ns)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::Sample;

    #[test]
    fn a_glance_tells_which_call_it_is_and_how_far_it_got() {
        let pause = Sample::of("pause", &[]);
        let key = CallKey { tid: 815, entered_ns: 1_000_000_001 };
        let returned = Glance { key, state: State::Returned, returned_ns: Some(1_000_000_813) };
        assert_eq!(Glance::at(pause.bytes()), Some(returned));
        let entered = Glance { key, state: State::Entered, returned_ns: None };
        assert_eq!(Glance::at(pause.state(State::Entered).bytes()), Some(entered));
    }

    #[test]
    fn the_user_is_the_callers() {
        assert_eq!(uid(Sample::of("pause", &[]).bytes()), 33);
        assert_eq!(uid(b"no record"), 0);
    }

    #[test]
    fn bytes_that_are_no_record_tell_nothing() {
        let pause = Sample::of("pause", &[]);
        assert_eq!(Glance::at(&pause.bytes()[..offset_of!(Record, state)]), None);
        assert_eq!(Glance::at(pause.with(offset_of!(Record, state), &[4]).bytes()), None);
    }
}
