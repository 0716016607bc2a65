//! Processes.

use super::{
    call::Time,
    writer::{Object, ToJson, key},
};
use crate::{
    decode::{Process, Thread},
    output::timestamp::{Clock, Text},
};

/// A process, or one of its threads, with the text of the time when it began.
pub(super) struct Known<'a> {
    process: &'a Process,
    tid: Option<u32>,
    start: Text,
}

impl<'a> Known<'a> {
    /// A process.
    pub(super) fn process(process: &'a Process, clock: &mut Clock) -> Self {
        Self { process, tid: None, start: *clock.text(process.start_ns) }
    }

    /// A thread.
    pub(super) fn thread(thread: &'a Thread, clock: &mut Clock) -> Self {
        Self { tid: Some(thread.tid), ..Self::process(&thread.process, clock) }
    }
}

impl ToJson for Known<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("pid"), self.process.pid);
        if let Some(tid) = self.tid {
            object.field(key!("tid"), tid);
        }
        object.field(key!("start"), Time(self.start));
        object.field(key!("comm"), self.process.comm);
        object.field(key!("ppid"), self.process.ppid);
        object.field(key!("uid"), self.process.uid);
        object.field(key!("gid"), self.process.gid);
        object.end();
    }
}
