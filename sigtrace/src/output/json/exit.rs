//! Processes that end by a signal.

use super::call::{Time, write_signal};
use super::writer::{Object, ToJson, key};
use crate::{
    decode::{Exit, Process},
    output::timestamp::{Clock, Text},
};

/// The line of such an end, without its own.
pub(super) fn write(exit: &Exit, clock: &mut Clock, out: &mut Vec<u8>) {
    let time = *clock.text(exit.time_ns);
    let start = *clock.text(exit.process.start_ns);
    let mut line = Object::new(out);
    line.field(key!("event"), "exit");
    line.field(key!("id"), exit.id);
    line.field(key!("time"), Time(time));
    line.field(key!("seq"), exit.seq);
    line.field(key!("cpu"), exit.cpu);
    write_signal(&mut line, "sig", exit.signal);
    line.field(key!("core_dumped"), exit.core_dumped);
    line.field(key!("process"), Known { process: &exit.process, start });
    line.end();
}

/// A process, with the text of the time when it began.
struct Known<'a> {
    process: &'a Process,
    start: Text,
}

impl ToJson for Known<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("pid"), self.process.pid);
        object.field(key!("start"), Time(self.start));
        object.field(key!("comm"), self.process.comm);
        object.field(key!("ppid"), self.process.ppid);
        object.field(key!("uid"), self.process.uid);
        object.field(key!("gid"), self.process.gid);
        object.end();
    }
}
