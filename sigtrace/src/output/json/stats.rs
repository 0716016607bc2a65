//! The accounting.

use super::{
    call::Time,
    writer::{Object, ToJson, key},
};
use crate::output::{Lost, Stats, timestamp::Text};

/// The line of lost calls and returns, without its end.
pub(super) fn write_lost(lost: &Lost, time: &Text, out: &mut Vec<u8>) {
    let mut line = Object::new(out);
    line.field(key!("event"), "lost");
    line.field(key!("time"), Time(*time));
    for (cause, count) in &lost.causes {
        line.named(cause, *count);
    }
    line.field(key!("returns"), lost.returns);
    line.end();
}

/// The line of the accounting, without its end.
pub(super) fn write_stats(stats: &Stats, time: &Text, out: &mut Vec<u8>) {
    let mut line = Object::new(out);
    line.field(key!("event"), "stats");
    line.field(key!("time"), Time(*time));
    line.field(key!("elapsed_ns"), stats.elapsed_ns);
    line.field(key!("printed"), ByName(&stats.printed));
    line.field(key!("filtered"), stats.filtered);
    line.field(key!("lost"), ByName(&stats.lost));
    line.field(key!("incomplete"), ByName(&stats.incomplete));
    line.field(key!("returns"), ByName(&stats.returns));
    line.field(key!("probes"), ByName(&stats.probes));
    line.end();
}

/// An object out of pairs.
struct ByName<'a, T>(&'a [(&'static str, T)]);

impl<T: ToJson + Copy> ToJson for ByName<'_, T> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        for (name, value) in self.0 {
            object.named(name, *value);
        }
        object.end();
    }
}
