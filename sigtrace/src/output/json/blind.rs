//! Times in which nothing could be seen.

use super::writer::{Object, ToJson, array, foreign, plain};
use crate::output::{Blind, timestamp::Clock};

/// The line of such a time, without its end.
pub(super) fn write(blind: &Blind, clock: &mut Clock, out: &mut Vec<u8>) {
    let mut time = |time_ns| Time(clock.text(time_ns).to_owned());
    let mut line = Object::new(out);
    line.field("event", "blind");
    line.field("time", time(blind.time_ns));
    line.field("seq", blind.seq);
    line.field("since", time(blind.since_ns));
    line.field("until", blind.until_ns.map(time));
    line.field("syscalls", Names(&blind.syscalls));
    line.field("reason", Reason(&blind.reason));
    line.end();
}

/// One of several times in a line, so that the clock does not keep it.
struct Time(String);

impl ToJson for Time {
    fn write(&self, out: &mut Vec<u8>) {
        plain(&self.0, out);
    }
}

struct Names<'a>(&'a [&'static str]);

impl ToJson for Names<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        array(self.0.iter().copied(), out);
    }
}

/// It can have names in it that others chose.
struct Reason<'a>(&'a str);

impl ToJson for Reason<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        foreign(self.0.as_bytes(), out);
    }
}
