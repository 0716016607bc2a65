//! The list as a table.

use std::io::{self, Write};

use sigtrace_common::{Abi, Access, Arg, SYSCALLS, Syscall};

use super::{EVENTS, Probe, access, kind};

#[cfg(target_arch = "aarch64")]
const NATIVE: Abi = Abi::Aarch64;
#[cfg(not(target_arch = "aarch64"))]
const NATIVE: Abi = Abi::X86_64;

pub(super) fn write(out: &mut dyn Write, probes: Option<&[Probe]>) -> io::Result<()> {
    let mut rows = vec![heading(probes.is_some())];
    rows.extend(SYSCALLS.iter().enumerate().map(|(index, syscall)| {
        let probe = probes.map(|probes| probes.get(index));
        row(syscall, probe)
    }));
    write_rows(out, &rows)?;
    writeln!(out)?;
    let events = EVENTS.map(|(name, summary)| vec![name.to_owned(), summary.to_owned()]);
    let mut rows = vec![vec!["EVENT".to_owned(), "SUMMARY".to_owned()]];
    rows.extend(events);
    write_rows(out, &rows)
}

fn heading(with_probe: bool) -> Vec<String> {
    let mut cells = vec!["SYSCALL", "NR", "PROBED AT"];
    if with_probe {
        cells.push("PROBE");
    }
    cells.extend(["BLOCKS", "GROUPS", "ARGUMENTS", "SUMMARY"]);
    cells.into_iter().map(str::to_owned).collect()
}

/// The cells of a syscall, its number for 64-bit and for 32-bit callers, and for x32 callers if they
/// have one of their own. `probe` is there if the
/// column is, and in it what is known.
fn row(syscall: &'static Syscall, probe: Option<Option<&Probe>>) -> Vec<String> {
    let number = |abi| syscall.entries.get(abi).map(|entry| entry.number);
    let numbers = [number(NATIVE), number(NATIVE.compat())]
        .map(|nr| nr.map_or_else(dash, |nr| nr.to_string()));
    let x32 = number(Abi::X32).filter(|_| NATIVE == Abi::X86_64).map(|nr| nr.to_string());
    let mut cells = vec![
        syscall.name.to_owned(),
        join(numbers.into_iter().chain(x32), "/"),
        join(syscall.points(NATIVE).map(|point| point.symbol.to_owned()), " "),
    ];
    cells.extend(probe.map(|probe| match probe {
        Some(Probe::Mechanism(name)) => (*name).to_owned(),
        Some(Probe::Unsupported(reason)) => format!("unsupported: {reason}"),
        None => dash(),
    }));
    cells.extend([
        if syscall.blocks { "yes" } else { "no" }.to_owned(),
        join(syscall.groups.iter().map(|group| format!("@{}", group.name())), " "),
        join(syscall.args.iter().map(argument), ", "),
        syscall.summary.to_owned(),
    ]);
    cells
}

/// `oldact: sigaction out`.
fn argument(arg: &Arg) -> String {
    match arg.access {
        Access::Value => format!("{}: {}", arg.name, kind(arg.kind)),
        way => format!("{}: {} {}", arg.name, kind(arg.kind), access(way)),
    }
}

fn join(parts: impl Iterator<Item = String>, separator: &str) -> String {
    let joined = parts.collect::<Vec<_>>().join(separator);
    if joined.is_empty() { dash() } else { joined }
}

/// What stands for nothing.
fn dash() -> String {
    "-".to_owned()
}

/// Writes rows of the same length, their columns aligned.
fn write_rows(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max();
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    for row in rows {
        let Some((last, others)) = row.split_last() else { continue };
        for (cell, width) in others.iter().zip(&widths) {
            write!(out, "{cell:width$}  ")?;
        }
        writeln!(out, "{last}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(probes: Option<&[Probe]>) -> Vec<String> {
        let mut out = Vec::new();
        write(&mut out, probes).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    /// The cells of the row that begins with `name`.
    fn cells(lines: &[String], name: &str) -> Vec<String> {
        let line = lines.iter().find(|line| line.split(' ').next() == Some(name)).unwrap();
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn every_syscall_and_event_has_a_line() {
        let lines = lines(None);
        let expected = ["SYSCALL"]
            .into_iter()
            .chain(SYSCALLS.iter().map(|syscall| syscall.name))
            .chain(["", "EVENT"])
            .chain(EVENTS.map(|(name, _)| name));
        assert!(lines.iter().map(|line| line.split(' ').next().unwrap()).eq(expected));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_syscalls_line_has_what_the_table_says() {
        let lines = lines(None);
        assert_eq!(
            cells(&lines, "sigaltstack"),
            [
                "sigaltstack",
                "131/186/525",
                "__x64_sys_sigaltstack __ia32_compat_sys_sigaltstack __x64_compat_sys_sigaltstack",
                "no",
                "@stack",
                "ss: stack in, old_ss: stack out",
                "examine and change the stack handlers run on"
            ]
        );
        assert_eq!(
            cells(&lines, "pause"),
            ["pause", "34/29", "__x64_sys_pause", "yes", "@wait", "-", "wait for a signal"]
        );
    }

    #[test]
    fn columns_are_aligned() {
        let lines = lines(None);
        let column = lines[0].find("ARGUMENTS").unwrap();
        for line in &lines[1..=SYSCALLS.len()] {
            assert_eq!(
                (line.get(column - 2..column), line.get(column..=column) == Some(" ")),
                (Some("  "), false)
            );
        }
    }

    #[test]
    fn probes_have_a_column_when_they_are_known() {
        let mut probes = vec![Probe::Mechanism("kprobe"); SYSCALLS.len()];
        probes[0] = Probe::Unsupported("no such symbol".to_owned());
        let lines = lines(Some(&probes));
        assert_eq!(cells(&lines, "SYSCALL")[3], "PROBE");
        assert_eq!(cells(&lines, SYSCALLS[0].name)[3], "unsupported: no such symbol");
        assert_eq!(cells(&lines, SYSCALLS[1].name)[3], "kprobe");
    }
}
