//! The list as JSON Lines.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use sigtrace_common::{Abi, Entries, Syscall};

use super::{EVENTS, Probe, access, kind, rows};

#[derive(Serialize)]
struct SyscallLine<'a> {
    syscall: &'static str,
    summary: &'static str,
    args: Vec<ArgObject>,
    groups: Vec<&'static str>,
    blocks: bool,
    #[serde(serialize_with = "by_abi")]
    entries: &'static Entries,
    /// How it would be probed; null if it would not, or if that is not known.
    probe: Option<&'static str>,
    /// Why it cannot be probed; null if it can, or if that is not known.
    unsupported: Option<&'a str>,
}

#[derive(Serialize)]
struct ArgObject {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    access: &'static str,
}

#[derive(Serialize)]
struct EntryObject {
    number: u16,
    symbol: &'static str,
}

#[derive(Serialize)]
struct EventLine {
    event: &'static str,
    summary: &'static str,
}

pub(super) fn write(out: &mut dyn Write, probes: Option<&[Probe]>) -> io::Result<()> {
    for (index, syscall) in rows() {
        line(out, &SyscallLine::new(syscall, probes.and_then(|probes| probes.get(index))))?;
    }
    for (event, summary) in EVENTS {
        line(out, &EventLine { event, summary })?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

impl<'a> SyscallLine<'a> {
    fn new(syscall: &'static Syscall, probe: Option<&'a Probe>) -> Self {
        let args = syscall.args.iter().map(|arg| ArgObject {
            name: arg.name,
            kind: kind(arg.kind),
            access: access(arg.access),
        });
        let (mechanism, unsupported) = match probe {
            Some(Probe::Mechanism(name)) => (Some(*name), None),
            Some(Probe::Unsupported(reason)) => (None, Some(reason.as_str())),
            None => (None, None),
        };
        Self {
            syscall: syscall.name,
            summary: syscall.summary,
            args: args.collect(),
            groups: syscall.groups.iter().map(|group| group.name()).collect(),
            blocks: syscall.blocks,
            entries: &syscall.entries,
            probe: mechanism,
            unsupported,
        }
    }
}

/// An object by interface, without those that have no such call.
fn by_abi<S: Serializer>(entries: &'static Entries, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(Abi::ALL.into_iter().filter_map(|abi| {
        let entry = entries.get(abi)?;
        Some((abi.name(), EntryObject { number: entry.number, symbol: entry.symbol }))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(probes: Option<&[Probe]>) -> Vec<String> {
        let mut out = Vec::new();
        write(&mut out, probes).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_syscall_and_event_has_a_line() {
        assert_eq!(lines(None).len(), rows().count() + EVENTS.len());
    }

    #[test]
    fn a_syscalls_line_has_what_the_table_says() {
        assert_eq!(
            lines(None).into_iter().find(|line| line.contains(r#""signalfd""#)).unwrap(),
            concat!(
                r#"{"syscall":"signalfd","#,
                r#""summary":"get a file descriptor that signals are read from, without flags","#,
                r#""args":[{"name":"fd","type":"fd","access":"value"},"#,
                r#"{"name":"mask","type":"set","access":"in"},"#,
                r#"{"name":"sizemask","type":"size","access":"value"}],"groups":["fd"],"#,
                r#""blocks":false,"#,
                r#""entries":{"x86_64":{"number":282,"symbol":"__x64_sys_signalfd"},"#,
                r#""i386":{"number":321,"symbol":"__ia32_compat_sys_signalfd"},"#,
                r#""arm":{"number":349,"symbol":"__arm64_compat_sys_signalfd"}},"#,
                r#""probe":null,"unsupported":null}"#
            )
        );
    }

    #[test]
    fn what_the_machine_can_do_is_at_the_end() {
        let probes = [Probe::Mechanism("kprobe"), Probe::Unsupported("no such symbol".to_owned())];
        let lines = lines(Some(&probes));
        assert!(lines[0].ends_with(r#","probe":"kprobe","unsupported":null}"#));
        assert!(lines[1].ends_with(r#","probe":null,"unsupported":"no such symbol"}"#));
        assert!(lines[2].ends_with(r#","probe":null,"unsupported":null}"#));
    }

    #[test]
    fn an_events_line_says_what_it_is_for() {
        assert!(
            lines(None)
                .contains(&r#"{"event":"syscall","summary":"a system call, decoded"}"#.to_owned())
        );
    }
}
