//! The time of events.

use std::io::Write;

use jiff::Timestamp;

use super::digits;

const SECOND: u64 = 1_000_000_000;

/// Where the nanoseconds begin in the text.
const NANOSECONDS: usize = 20;

/// A time as text.
pub(super) type Text = [u8; 30];

/// The calendar of so many seconds is kept: an event has its own, and those in which its processes began.
const SECONDS: u64 = 64;

/// Writes times as `2026-11-21T19:53:08.123456789Z`, and works out the calendar once a second.
pub(super) struct Clock {
    /// Each where its number has it, modulo how many there are.
    seconds: Box<[Second]>,
}

#[derive(Clone)]
struct Second {
    number: u64,
    text: Text,
}

impl Clock {
    pub(super) fn new() -> Self {
        let first = Second { number: 0, text: *b"1970-01-01T00:00:00.000000000Z" };
        Self { seconds: vec![first; SECONDS as usize].into() }
    }

    /// The text of a time in nanoseconds since 1970 (UTC).
    pub(super) fn text(&mut self, time_ns: u64) -> &Text {
        let number = time_ns / SECOND;
        let second = &mut self.seconds[(number % SECONDS) as usize];
        if number != second.number {
            second.set(number);
        }
        let nanoseconds = time_ns % SECOND;
        let [first, ..] = (nanoseconds / 100_000_000).to_le_bytes();
        second.text[NANOSECONDS] = b'0' + first;
        let rest = digits::eight(nanoseconds % 100_000_000);
        second.text[NANOSECONDS + 1..NANOSECONDS + 9].copy_from_slice(&rest);
        &second.text
    }

    /// The time of day to the microsecond.
    pub(super) fn time_of_day(&mut self, time_ns: u64) -> &str {
        str::from_utf8(&self.text(time_ns)[11..26]).unwrap_or_default()
    }
}

impl Second {
    fn set(&mut self, number: u64) {
        self.number = number;
        // Every second that nanoseconds in 64 bits can reach is in range.
        let time = i64::try_from(number).ok().and_then(|s| Timestamp::from_second(s).ok());
        // The 19 characters before the fraction; the `Z` behind them is cut off.
        let _ = write!(&mut self.text[..NANOSECONDS - 1], "{}", time.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_nine_digits_of_a_second() {
        let mut clock = Clock::new();
        assert_eq!(clock.text(0), b"1970-01-01T00:00:00.000000000Z");
        assert_eq!(clock.text(1_795_290_788_123_456_789), b"2026-11-21T19:53:08.123456789Z");
        assert_eq!(clock.text(1_795_290_788_000_000_001), b"2026-11-21T19:53:08.000000001Z");
        assert_eq!(clock.text(1_795_290_787_999_999_999), b"2026-11-21T19:53:07.999999999Z");
    }

    #[test]
    fn seconds_that_have_one_place_take_turns() {
        let mut clock = Clock::new();
        for _ in 0..2 {
            assert_eq!(clock.text(0), b"1970-01-01T00:00:00.000000000Z");
            assert_eq!(clock.text(SECOND + 1), b"1970-01-01T00:00:01.000000001Z");
            assert_eq!(clock.text(SECONDS * SECOND + 2), b"1970-01-01T00:01:04.000000002Z");
        }
    }

    #[test]
    fn the_last_time_there_is_can_be_written() {
        assert_eq!(Clock::new().text(u64::MAX), b"2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn a_time_of_day_has_six() {
        assert_eq!(Clock::new().time_of_day(1_795_290_788_123_456_789), "19:53:08.123456");
    }
}
