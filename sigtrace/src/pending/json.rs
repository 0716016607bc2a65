//! An object a process.

use std::io::{self, Write};

use serde::Serialize;

use super::{processes::Process, report::Report, serialized::serialize};
use crate::names::signal;

#[derive(Serialize)]
struct ProcessObject {
    pid: u32,
    comm: String,
    uid: u32,
    /// Its number in its own pid namespace, if that is another one.
    ns_pid: Option<u32>,
    state: char,
    threads: u32,
    parent: Option<Named>,
    tracer: Option<Named>,
    pending: Vec<&'static str>,
    thread_pending: Vec<ThreadObject>,
    signals: Vec<SignalObject>,
}

#[derive(Serialize)]
struct Named {
    pid: u32,
    comm: String,
}

#[derive(Serialize)]
struct ThreadObject {
    tid: u32,
    pending: Vec<&'static str>,
}

#[derive(Serialize)]
struct SignalObject {
    sig: Option<&'static str>,
    signo: i32,
    pending: bool,
    fate: &'static str,
    inherited_from: Option<Named>,
}

impl Named {
    fn of(process: &Process) -> Self {
        Self { pid: process.status.tgid, comm: name(&process.comm) }
    }
}

/// Writes its line.
pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let Process { comm, status, thread_pending, .. } = &report.process;
    let threads = thread_pending.iter();
    let signals = report.signals.iter().map(|found| SignalObject {
        sig: signal::name(found.signo),
        signo: found.signo,
        pending: found.is_pending,
        fate: found.fate.name(),
        inherited_from: found.inherited_from.as_ref().map(Named::of),
    });
    let object = ProcessObject {
        pid: status.tgid,
        comm: name(comm),
        uid: status.uid,
        ns_pid: status.ns_pid,
        state: status.state,
        threads: status.threads,
        parent: report.parent.as_ref().map(Named::of),
        tracer: report.tracer.as_ref().map(Named::of),
        pending: signal::names(status.shared_pending).collect(),
        thread_pending: threads
            .map(|(&tid, &set)| ThreadObject { tid, pending: signal::names(set).collect() })
            .collect(),
        signals: signals.collect(),
    };
    serialize(out, &object)?;
    writeln!(out)
}

/// What becomes of bytes that are no UTF-8 is the same as in events.
fn name(comm: &[u8]) -> String {
    String::from_utf8_lossy(comm).into_owned()
}
