//! The accounting.

use std::{
    fmt,
    io::{self, Write},
};

use super::{escape::Escaped, palette::Palette, value};
use crate::{
    names::signal,
    output::{Lost, Stats},
};

/// `lost 12 calls: ring_full 12, pending_full 0; 1 late return; most by user 1000 (12), flood[900] (7),
/// kill (12), SIGWINCH (9)`.
pub(super) fn write_lost(lost: &Lost, palette: &Palette, out: &mut Vec<u8>) -> io::Result<()> {
    let hole = palette.hole;
    write!(out, "{hole}lost {} calls: {}", sum(&lost.causes), List(&lost.causes))?;
    match lost.returns {
        0 => {}
        1 => write!(out, "; 1 late return")?,
        returns => write!(out, "; {returns} late returns")?,
    }
    for (kind, count) in lost.events.iter().filter(|(_, count)| *count > 0) {
        let plural = if *count == 1 { "" } else { "s" };
        write!(out, "; {count} {kind}{plural}")?;
    }
    if let Some(most) = &lost.most {
        write!(out, "; most by user {} ({}), ", most.user.what, most.user.lost)?;
        let (pid, comm, _) = &most.process.what;
        write!(out, "{}[{pid}] ({}), ", Escaped(comm.bytes()), most.process.lost)?;
        write!(out, "{} ({})", most.syscall.what, most.syscall.lost)?;
        if let Some(signal) = &most.signal {
            out.extend(b", ");
            value::name_or(signal::name(signal.what), signal.what, out)?;
            write!(out, " ({})", signal.lost)?;
        }
    }
    write!(out, "{hole:#}")
}

/// `stats after 10.000000 s: printed 42 (kill 42), filtered 7, merged 0, lost 0 (…), incomplete (…),
/// returns (…), probes (…)`.
pub(super) fn write_stats(stats: &Stats, palette: &Palette, out: &mut Vec<u8>) -> io::Result<()> {
    let style = palette.syscall;
    let (seconds, rest) = (stats.elapsed_ns / 1_000_000_000, stats.elapsed_ns % 1_000_000_000);
    write!(out, "{style}stats{style:#} after {seconds}.{:06} s: printed ", rest / 1000)?;
    total(&stats.printed, out)?;
    write!(out, ", filtered {}, merged {}, lost ", stats.filtered, stats.merged)?;
    total(&stats.lost, out)?;
    // One call can have several holes, so that they have no sum.
    write!(out, ", incomplete ({})", List(&stats.incomplete))?;
    write!(out, ", returns ({})", List(&stats.returns))?;
    for (kind, counts) in &stats.events {
        write!(out, ", {kind}s ({})", List(counts))?;
    }
    if !stats.context.is_empty() {
        write!(out, ", context ({})", List(&stats.context))?;
    }
    write!(out, ", probes ({})", List(&stats.probes))
}

/// The sum, then what it is made of.
fn total(counts: &[(&'static str, u64)], out: &mut Vec<u8>) -> io::Result<()> {
    write!(out, "{} ({})", sum(counts), List(counts))
}

fn sum(counts: &[(&'static str, u64)]) -> u64 {
    counts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
}

/// `kill 42, pause 1`.
struct List<'a, T>(&'a [(&'static str, T)]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {value}")?;
        }
        Ok(())
    }
}
