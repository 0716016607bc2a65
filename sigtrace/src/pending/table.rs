//! A line for each signal that is pending, or would have no effect.

use std::io::{self, Write};

use super::{processes::Process, report::Report};
use crate::{
    columns::{self, Column},
    names::signal,
    output::Escaped,
};

/// As few characters of a name still say something.
const LEAST_NAME: usize = 12;

/// Writes the table, at most `width` characters wide if there is one.
pub(super) fn write(
    out: &mut dyn Write,
    reports: &[Report],
    width: Option<usize>,
) -> io::Result<()> {
    let rows = || {
        reports.iter().flat_map(|report| report.signals.iter().map(move |found| (report, found)))
    };
    let pid = rows().map(|(report, _)| report.process.status.tgid.to_string());
    let comm = rows().map(|(report, _)| Escaped(&report.process.comm).to_string());
    let uid = rows().map(|(report, _)| report.process.status.uid.to_string());
    let sig = rows().map(|(_, found)| signal_name(found.signo));
    let pending = rows().map(|(_, found)| if found.is_pending { "yes" } else { "no" }.to_owned());
    let fate = rows().map(|(_, found)| found.fate.name().to_owned());
    let from = rows()
        .map(|(_, found)| found.inherited_from.as_ref().map_or_else(|| "-".to_owned(), named));
    let columns = [
        (0, Column::whole("PID", pid.collect())),
        (1, Column::whole("COMM", comm.collect())),
        (5, Column::whole("UID", uid.collect())),
        (2, Column::whole("SIGNAL", sig.collect())),
        (4, Column::whole("PENDING", pending.collect())),
        (3, Column::whole("FATE", fate.collect())),
        (6, Column::cut_to(LEAST_NAME, "INHERITED FROM", from.collect())),
    ];
    columns::write(out, &columns, width)
}

/// `bash[700]`.
pub(super) fn named(process: &Process) -> String {
    format!("{}[{}]", Escaped(&process.comm), process.status.tgid)
}

/// The name of a signal, or its number.
pub(super) fn signal_name(signo: i32) -> String {
    signal::name(signo).map_or_else(|| signo.to_string(), str::to_owned)
}
