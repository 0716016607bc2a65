//! `sigtrace pending`: which signals are pending, and what becomes of those that are sent, as /proc has it
//! now. No probes, and nothing of the past.

mod fate;
mod json;
mod processes;
mod queues;
mod report;
mod serialized;
mod status;
mod table;
mod words;

use std::{
    io::{self, Write},
    path::Path,
};

pub(crate) use self::queues::{Owner, Queues};
use self::{processes::Processes, report::Report};

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The processes; all if there are none.
    pub pids: Vec<u32>,
    /// The signals, besides those that are pending: signal n is bit n-1.
    pub signals: u64,
    /// An object a process in the place of text.
    pub json: bool,
    /// At most so many columns, if text is written as a table.
    pub width: Option<usize>,
}

/// Answers from this directory, /proc. Says whether all processes that were named are there.
///
/// # Errors
///
/// When the directory cannot be read, or `out` fails.
pub fn write(
    out: &mut dyn Write,
    proc: &Path,
    query: &Query,
    missing: &mut dyn FnMut(u32),
) -> io::Result<bool> {
    let mut processes = Processes::below(proc);
    if query.pids.is_empty() {
        let cannot_read =
            |error: io::Error| io::Error::other(format!("cannot read {}: {error}", proc.display()));
        let all = processes.all().map_err(cannot_read)?;
        let of = |pid| Report::of(pid, query.signals, &mut processes);
        let mut reports: Vec<Report> = all.into_iter().filter_map(of).collect();
        reports.retain_mut(Report::retain_remarkable);
        if query.json {
            reports.iter().try_for_each(|report| json::write(out, report))?;
        } else {
            table::write(out, &reports, query.width)?;
        }
        return Ok(true);
    }
    let mut all_there = true;
    for &pid in &query.pids {
        match Report::of(pid, query.signals, &mut processes) {
            Some(report) if query.json => json::write(out, &report)?,
            Some(report) => words::write(out, &report)?,
            None => {
                all_there = false;
                missing(pid);
            }
        }
    }
    Ok(all_there)
}

#[cfg(test)]
pub(crate) use self::status::tests::text as status_of;

#[cfg(test)]
mod tests;
