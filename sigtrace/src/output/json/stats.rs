//! The accounting.

use super::{
    call::Time,
    writer::{Object, ToJson},
};
use crate::output::{Lost, Stats};

/// The line of lost calls, without its end.
pub(super) fn write_lost(lost: &Lost, time: &str, out: &mut Vec<u8>) {
    let mut line = Object::new(out);
    line.field("event", "lost");
    line.field("time", Time(time));
    for (cause, count) in &lost.causes {
        line.field(cause, *count);
    }
    line.end();
}

/// The line of the accounting, without its end.
pub(super) fn write_stats(stats: &Stats, time: &str, out: &mut Vec<u8>) {
    let mut line = Object::new(out);
    line.field("event", "stats");
    line.field("time", Time(time));
    line.field("elapsed_ns", stats.elapsed_ns);
    line.field("printed", ByName(&stats.printed));
    line.field("filtered", stats.filtered);
    line.field("lost", ByName(&stats.lost));
    line.field("incomplete", ByName(&stats.incomplete));
    line.field("returns", ByName(&stats.returns));
    line.field("probes", ByName(&stats.probes));
    line.end();
}

/// An object out of pairs.
struct ByName<'a, T>(&'a [(&'static str, T)]);

impl<T: ToJson + Copy> ToJson for ByName<'_, T> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        for (name, value) in self.0 {
            object.field(name, *value);
        }
        object.end();
    }
}
