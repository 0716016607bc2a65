//! Processes that end by a signal.

use super::call::{Time, write_signal};
use super::process::Timed;
use super::writer::{Object, key};
use crate::{
    decode::Exit,
    output::{
        process::{Known, Process},
        timestamp::Clock,
    },
};

/// The line of such an end, without its own.
pub(super) fn write(exit: &Exit, known: Option<&Known>, clock: &mut Clock, out: &mut Vec<u8>) {
    let time = *clock.text(exit.time_ns);
    let process = Process::of_exit(exit, known.cloned());
    let mut line = Object::new(out);
    line.field(key!("event"), "exit");
    line.field(key!("id"), exit.id);
    line.field(key!("time"), Time(time));
    line.field(key!("seq"), exit.seq);
    line.field(key!("cpu"), exit.cpu);
    write_signal(&mut line, "sig", exit.signal);
    line.field(key!("core_dumped"), exit.core_dumped);
    line.field(key!("process"), Timed::new(&process, clock));
    line.end();
}
