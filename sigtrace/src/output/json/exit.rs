//! Processes that end by a signal.

use super::{
    call::{Time, write_signal},
    process::Known,
    writer::{Object, key},
};
use crate::{decode::Exit, output::timestamp::Clock};

/// The line of such an end, without its own.
pub(super) fn write(exit: &Exit, clock: &mut Clock, out: &mut Vec<u8>) {
    let time = *clock.text(exit.time_ns);
    let process = Known::process(&exit.process, clock);
    let mut line = Object::new(out);
    line.field(key!("event"), "exit");
    line.field(key!("id"), exit.id);
    line.field(key!("time"), Time(time));
    line.field(key!("seq"), exit.seq);
    line.field(key!("cpu"), exit.cpu);
    write_signal(&mut line, "sig", exit.signal);
    line.field(key!("core_dumped"), exit.core_dumped);
    line.field(key!("process"), process);
    line.end();
}
