//! Signals that are taken.

use super::{
    Texts,
    call::{Time, write_signal},
    writer::{Object, key},
};
use crate::{
    decode::Deliver,
    output::process::{Process, Taker},
};

/// The line of such a signal, without its end.
pub(super) fn write(
    deliver: &Deliver,
    taker: Option<&Taker>,
    texts: &mut Texts,
    out: &mut Vec<u8>,
) {
    let process = Process::of_thread(&deliver.thread, taker.map(|taker| taker.known.clone()));
    let mut line = Object::new(out);
    line.field(key!("event"), "deliver");
    line.field(key!("id"), deliver.id);
    line.field(key!("time"), Time(*texts.time(deliver.time_ns)));
    line.field(key!("seq"), deliver.seq);
    line.field(key!("cpu"), deliver.cpu);
    line.field(key!("generate"), deliver.generate);
    write_signal(&mut line, "sig", deliver.signal);
    line.field(key!("info"), deliver.info);
    line.field(key!("handler"), deliver.handler);
    if let Some(taker) = taker {
        line.field(key!("handler_at"), taker.handler_at.as_ref());
    }
    line.field(key!("flags"), deliver.flags);
    line.field(key!("latency_ns"), deliver.latency_ns);
    line.field(key!("process"), texts.process(&process));
    line.end();
}
