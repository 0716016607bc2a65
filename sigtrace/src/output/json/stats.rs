//! The accounting.

use super::{
    call::{Time, write_signal},
    writer::{Object, ToJson, key},
};
use crate::{
    decode::Comm,
    output::{Counts, Lost, Most, MostOf, Stats, timestamp::Text},
};

/// The line of lost calls and returns, without its end.
pub(super) fn write_lost(lost: &Lost, time: &Text, out: &mut Vec<u8>) {
    let mut line = Object::new(out);
    line.field(key!("event"), "lost");
    line.field(key!("time"), Time(*time));
    for (cause, count) in &lost.causes {
        line.named(cause, *count);
    }
    line.field(key!("returns"), lost.returns);
    if !lost.events.is_empty() {
        line.field(key!("events"), ByName(&lost.events));
    }
    line.field(key!("most"), lost.most);
    line.end();
}

impl ToJson for Most {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("user"), By("uid", self.user));
        object.field(key!("process"), self.process);
        object.field(key!("syscall"), By("syscall", self.syscall));
        object.field(key!("signal"), self.signal);
        object.end();
    }
}

/// What most lost calls have in common, under its key.
struct By<T>(&'static str, MostOf<T>);

impl<T: ToJson + Copy> ToJson for By<T> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.named(self.0, self.1.what);
        object.field(key!("lost"), self.1.lost);
        object.end();
    }
}

impl ToJson for MostOf<(u32, Comm, u32)> {
    fn write(&self, out: &mut Vec<u8>) {
        let (pid, comm, uid) = self.what;
        let mut object = Object::new(out);
        object.field(key!("pid"), pid);
        object.field(key!("comm"), comm);
        object.field(key!("uid"), uid);
        object.field(key!("lost"), self.lost);
        object.end();
    }
}

impl ToJson for MostOf<i32> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        write_signal(&mut object, "sig", self.what);
        object.field(key!("lost"), self.lost);
        object.end();
    }
}

/// The line of the accounting, without its end.
pub(super) fn write_stats(stats: &Stats, time: &Text, out: &mut Vec<u8>) {
    let mut line = Object::new(out);
    line.field(key!("event"), "stats");
    line.field(key!("time"), Time(*time));
    line.field(key!("elapsed_ns"), stats.elapsed_ns);
    line.field(key!("printed"), ByName(&stats.printed));
    line.field(key!("filtered"), stats.filtered);
    line.field(key!("merged"), stats.merged);
    line.field(key!("lost"), ByName(&stats.lost));
    line.field(key!("incomplete"), ByName(&stats.incomplete));
    line.field(key!("returns"), ByName(&stats.returns));
    if !stats.events.is_empty() {
        line.field(key!("events"), Fates(&stats.events));
    }
    if !stats.context.is_empty() {
        line.field(key!("context"), ByName(&stats.context));
    }
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

/// What became of the events of each kind.
struct Fates<'a>(&'a [(&'static str, Counts)]);

impl ToJson for Fates<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        for (name, counts) in self.0 {
            object.named(name, ByName(counts));
        }
        object.end();
    }
}
