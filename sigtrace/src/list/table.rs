//! The list as a table.

use std::io::{self, Write};

use sigtrace_common::{Abi, Access, Arg, Syscall};

use super::{EVENTS, Probe, access, kind, rows};
use crate::arch::NATIVE;
use crate::columns::{self, Column};

/// As few characters of a summary still say something.
const LEAST_SUMMARY: usize = 24;

/// Writes the tables, at most `width` characters wide if there is one.
pub(super) fn write(
    out: &mut dyn Write,
    probes: Option<&[Probe]>,
    width: Option<usize>,
) -> io::Result<()> {
    columns::write(out, &of_syscalls(probes), width)?;
    writeln!(out)?;
    columns::write(out, &of_events(), width)
}

/// In the order in which they are shown, each with the place at which it gets room.
fn of_syscalls(probes: Option<&[Probe]>) -> Vec<(usize, Column)> {
    let cells =
        |cell: fn(&'static Syscall) -> String| rows().map(|(_, syscall)| cell(syscall)).collect();
    let mut columns = vec![
        (0, Column::whole("SYSCALL", cells(|syscall| syscall.name.to_owned()))),
        (1, Column::whole("NR", cells(numbers))),
        (7, Column::whole("PROBED AT", cells(points))),
    ];
    columns.extend(probes.map(|probes| {
        let cells = rows().map(|(row, _)| probe(probes.get(row))).collect();
        (2, Column::whole("PROBE", cells))
    }));
    let blocks = |syscall: &Syscall| if syscall.blocks { "yes" } else { "no" }.to_owned();
    columns.extend([
        (4, Column::whole("BLOCKS", cells(blocks))),
        (3, Column::whole("GROUPS", cells(groups))),
        (6, Column::whole("ARGUMENTS", cells(arguments))),
        (5, Column::cut_to(LEAST_SUMMARY, "SUMMARY", cells(|row| row.summary.to_owned()))),
    ]);
    columns
}

fn of_events() -> [(usize, Column); 2] {
    let cells = |cell: fn(&(&str, &str)) -> String| EVENTS.iter().map(cell).collect();
    [
        (0, Column::whole("EVENT", cells(|(name, _)| (*name).to_owned()))),
        (1, Column::cut_to(LEAST_SUMMARY, "SUMMARY", cells(|(_, summary)| (*summary).to_owned()))),
    ]
}

/// The number for 64-bit and for 32-bit callers, and for x32 callers if they have one of their own.
fn numbers(syscall: &Syscall) -> String {
    let number = |abi| syscall.entries.get(abi).map(|entry| entry.number);
    let numbers = [number(NATIVE), number(NATIVE.compat())]
        .map(|nr| nr.map_or_else(dash, |nr| nr.to_string()));
    let x32 = number(Abi::X32).filter(|_| NATIVE == Abi::X86_64).map(|nr| nr.to_string());
    join(numbers.into_iter().chain(x32), "/")
}

fn points(syscall: &'static Syscall) -> String {
    join(syscall.points(NATIVE).map(|point| point.symbol.to_owned()), " ")
}

fn probe(probe: Option<&Probe>) -> String {
    match probe {
        Some(Probe::Mechanism(name)) => (*name).to_owned(),
        Some(Probe::Unsupported(reason)) => format!("unsupported: {reason}"),
        None => dash(),
    }
}

fn groups(syscall: &Syscall) -> String {
    join(syscall.groups.iter().map(|group| format!("@{}", group.name())), " ")
}

fn arguments(syscall: &Syscall) -> String {
    join(syscall.args.iter().map(argument), ", ")
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

#[cfg(test)]
mod tests {
    use sigtrace_common::SYSCALLS;

    use super::*;

    fn lines(probes: Option<&[Probe]>) -> Vec<String> {
        within(None, probes)
    }

    fn within(width: Option<usize>, probes: Option<&[Probe]>) -> Vec<String> {
        let mut out = Vec::new();
        write(&mut out, probes, width).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    /// The headings, `kill` and the longest names, in a terminal of this width.
    #[cfg(target_arch = "x86_64")]
    fn some_within(width: usize) -> Vec<String> {
        let probes = vec![Probe::Mechanism("kprobe.session"); SYSCALLS.len()];
        let lines = within(Some(width), Some(&probes));
        let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= width, "{widest}");
        let wanted = ["SYSCALL", "kill", "sigreturn", "rt_sigtimedwait_time64", "EVENT", "lost"];
        let is_wanted =
            |line: &String| wanted.iter().any(|name| line.split(' ').next() == Some(name));
        lines.into_iter().filter(is_wanted).collect()
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_terminal_of_80_columns_has_no_summaries_of_syscalls() {
        assert_eq!(
            some_within(80),
            [
                "SYSCALL                 NR           PROBE           BLOCKS  GROUPS",
                "kill                    62/37        kprobe.session  no      @send",
                "sigreturn               -/119        kprobe.session  no      @mask @stack",
                "rt_sigtimedwait_time64  -/421        kprobe.session  yes     @wait",
                "EVENT     SUMMARY",
                "lost      what was not printed, by cause, since the last such event",
            ]
        );
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_terminal_of_120_columns_has_what_there_is_room_for_of_the_summaries() {
        assert_eq!(
            some_within(120),
            [
                "SYSCALL                 NR           PROBE           BLOCKS  GROUPS        SUMMARY",
                "kill                    62/37        kprobe.session  no      @send         \
                 send a signal to a process or a process group",
                "sigreturn               -/119        kprobe.session  no      @mask @stack  \
                 return from a signal handler without siginfo…",
                "rt_sigtimedwait_time64  -/421        kprobe.session  yes     @wait         \
                 take a pending signal, waiting for one until…",
                "EVENT     SUMMARY",
                "lost      what was not printed, by cause, since the last such event",
            ]
        );
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_terminal_of_250_columns_has_all_but_where_the_probes_are() {
        let arguments = |text: &str| format!("{text:77}");
        assert_eq!(
            some_within(250),
            [
                format!(
                    "SYSCALL                 NR           PROBE           BLOCKS  GROUPS        {}\
                     SUMMARY",
                    arguments("ARGUMENTS")
                ),
                format!(
                    "kill                    62/37        kprobe.session  no      @send         {}\
                     send a signal to a process or a process group",
                    arguments("pid: pid, sig: signal")
                ),
                format!(
                    "sigreturn               -/119        kprobe.session  no      @mask @stack  {}\
                     return from a signal handler without siginfo, restoring the mask of its frame",
                    arguments("mask: set frame")
                ),
                format!(
                    "rt_sigtimedwait_time64  -/421        kprobe.session  yes     @wait         {}\
                     take a pending signal, waiting for one until after 2038",
                    arguments(
                        "set: set in, info: siginfo out, timeout: timespec64 in, sigsetsize: size"
                    )
                ),
                "EVENT     SUMMARY".to_owned(),
                "lost      what was not printed, by cause, since the last such event".to_owned(),
            ]
        );
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
