//! Times in which nothing could be seen.

use super::call::Time;
use super::writer::{Object, ToJson, array, foreign, key};
use crate::output::{Blind, timestamp::Clock};

/// The line of such a time, without its end.
pub(super) fn write(blind: &Blind, clock: &mut Clock, out: &mut Vec<u8>) {
    let mut time = |time_ns| Time(*clock.text(time_ns));
    let mut line = Object::new(out);
    line.field(key!("event"), "blind");
    line.field(key!("time"), time(blind.time_ns));
    line.field(key!("seq"), blind.seq);
    line.field(key!("since"), time(blind.since_ns));
    line.field(key!("until"), blind.until_ns.map(time));
    line.field(key!("syscalls"), Names(&blind.syscalls));
    line.field(key!("reason"), Reason(&blind.reason));
    line.end();
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
