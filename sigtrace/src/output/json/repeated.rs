//! Merged calls.

use super::{
    call::{NameOr, Time},
    writer::{Object, key},
};
use crate::{
    decode::Repeated,
    names::{errno, signal},
    output::timestamp::Clock,
};

/// The line of merged calls that are told of at `time_ns`, without its end.
pub(super) fn write(repeated: &Repeated, time_ns: u64, clock: &mut Clock, out: &mut Vec<u8>) {
    let mut time = |time_ns| Time(*clock.text(time_ns));
    let mut line = Object::new(out);
    line.field(key!("event"), "repeated");
    line.field(key!("time"), time(time_ns));
    line.field(key!("seq"), repeated.seq);
    line.field(key!("syscall"), repeated.syscall.name);
    line.field(key!("sig"), repeated.signal.and_then(signal::name));
    line.field(key!("signo"), repeated.signal);
    line.field(key!("pid"), repeated.pid);
    line.field(key!("comm"), repeated.comm);
    line.field(key!("uid"), repeated.uid);
    line.field(key!("ret"), repeated.ret);
    let error = repeated.errno().map(|number| NameOr(errno::name(number), number));
    line.field(key!("error"), error);
    line.field(key!("first"), time(repeated.first_ns));
    line.field(key!("last"), time(repeated.last_ns));
    line.field(key!("count"), repeated.count);
    line.end();
}
