//! The conditions that sigtrace works without, in part. What a kernel lacks is named by the option of its
//! configuration that would have it.

use std::{fs, path::Path};

use anyhow::Result;

use super::{Condition, Standing, TRACEFS};
use crate::bpf::{
    Mechanism,
    features::Features,
    machine::{Machine, Source},
    mechanism::auto,
    preemption::Preemption,
    types::BTF,
};
use crate::mountinfo;

const DEBUGFS: &str = "/sys/kernel/debug";
/// The file systems that the kernel has, a line each: `nodev tracefs` (proc_filesystems(5)).
const FILE_SYSTEMS: &str = "/proc/filesystems";

/// All of them.
pub(super) const USEFUL: [fn(&Result<Machine>) -> Condition; 7] =
    [btf, trampolines, fprobe, mechanism, tracefs, cgroups, debugfs];

/// What comes of returns being seen by kretprobes.
const FEW_RETURNS: &str = "returns of sleeping callers can be missed, as each holds one of the few slots of a \
                           kretprobe; the events say so";
/// What comes of a link for each function.
const SLOW_TO_ATTACH: &str =
    "each call needs a program of its own, so that sigtrace takes longer to start and to end";

fn met(name: &'static str, found: impl Into<String>) -> Condition {
    Condition { name, found: found.into(), standing: Standing::Met }
}

fn lacking(name: &'static str, found: impl Into<String>, effect: &'static str) -> Condition {
    Condition { name, found: found.into(), standing: Standing::Lacking { effect } }
}

fn btf(machine: &Result<Machine>) -> Condition {
    const NAME: &str = "BTF";
    match machine {
        Ok(machine) => match &machine.source {
            Source::Kernel => met(NAME, "available"),
            Source::File(path) => met(NAME, format!("in {}", path.display())),
            Source::Nobody(error) => lacking(
                NAME,
                if Path::new(BTF).exists() {
                    format!("not usable: {BTF}: {error}")
                } else {
                    format!("not available: no {BTF} (CONFIG_DEBUG_INFO_BTF)")
                },
                "--btf FILE can supply it; without, events have no ppid, no target and no ids of pid \
                 namespaces; from 6.10 on, reads from a signalfd are not traced; --follow keeps processes that \
                 have ended; --target-comm, --target-uid, --target-cgroup, --events generate, deliver and exit, \
                 and --context are refused",
            ),
        },
        Err(error) => Condition {
            name: NAME,
            found: format!("{error:#}"),
            standing: Standing::Missing { remedy: "sigtrace does not trace by it" },
        },
    }
}

fn trampolines(machine: &Result<Machine>) -> Condition {
    const NAME: &str = "trampolines";
    let Some(features) = of_own_types(machine) else {
        return lacking(NAME, without_own_types(machine), FEW_RETURNS);
    };
    if !features.direct {
        let found = "not available: needs CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS, on aarch64 Linux 6.4 or later";
        return lacking(NAME, found, FEW_RETURNS);
    }
    match Preemption::of_kernel() {
        Preemption::Never => met(NAME, "available"),
        how => lacking(
            NAME,
            format!("available, on a preemptible kernel ({how})"),
            "--probe fentry can skip calls, which are counted as lost.probe_missed",
        ),
    }
}

/// Links to many functions.
fn fprobe(machine: &Result<Machine>) -> Condition {
    const NAME: &str = "fprobe";
    match of_own_types(machine) {
        Some(features) if features.multi => met(NAME, "available"),
        Some(_) => lacking(
            NAME,
            "not available: needs CONFIG_FPROBE, and Linux 6.2 or later, on aarch64 6.14",
            SLOW_TO_ATTACH,
        ),
        None => lacking(NAME, without_own_types(machine), SLOW_TO_ATTACH),
    }
}

/// Why there is nothing that goes by the kernel's own types.
fn without_own_types(machine: &Result<Machine>) -> &'static str {
    match machine {
        Ok(Machine { source: Source::File(_), .. }) => "not used with --btf",
        _ => "not available without BTF",
    }
}

/// The features that go by the kernel's own types.
fn of_own_types(machine: &Result<Machine>) -> Option<&Features> {
    machine.as_ref().ok().filter(|machine| machine.types.is_some()).map(|machine| &machine.features)
}

/// What calls are probed by if nothing else is asked for, and what that risks.
fn mechanism(machine: &Result<Machine>) -> Condition {
    let chosen =
        machine.as_ref().map(|Machine { features, .. }| [true, false].map(|it| auto(features, it)));
    let found = match &chosen {
        Ok([often, rarely]) if often != rarely => {
            format!("{}; {} where calls are rare", often.name(), rarely.name())
        }
        Ok([all, _]) => all.name().to_owned(),
        Err(error) => format!("unknown: {error:#}"),
    };
    let lacks = |effect| Standing::Lacking { effect };
    let standing = match chosen {
        Ok([Mechanism::Kprobe, _]) => {
            lacks("returns are missed if more callers sleep than a kretprobe has slots")
        }
        Ok([Mechanism::Multi | Mechanism::KprobeFexit, _]) => {
            lacks("returns can be missed under contention; the events say so")
        }
        Ok(_) => Standing::Met,
        Err(_) => lacks("it will show when sigtrace attaches"),
    };
    Condition { name: "probes", found, standing }
}

fn tracefs(_: &Result<Machine>) -> Condition {
    const NAME: &str = "tracefs";
    match TRACEFS.iter().find(|path| fs::read_dir(path).is_ok()) {
        Some(path) => met(NAME, format!("mounted at {}", path.trim_end_matches("/events"))),
        None => lacking(
            NAME,
            "not mounted, or not readable",
            "--pid, --target and --follow fail; mount it with `mount -t tracefs tracefs /sys/kernel/tracing`",
        ),
    }
}

fn cgroups(_: &Result<Machine>) -> Condition {
    const NAME: &str = "cgroup v2";
    match mountinfo::cgroup2() {
        Some(path) => met(NAME, format!("mounted at {}", path.display())),
        None => lacking(
            NAME,
            "not mounted",
            "control groups of version 1 are not reported, nor the units and containers that go by them; --cgroup \
             and --target-cgroup need a directory of version 2",
        ),
    }
}

fn debugfs(_: &Result<Machine>) -> Condition {
    const NAME: &str = "debugfs";
    let is_mounted = fs::read_dir(DEBUGFS).is_ok_and(|mut entries| entries.next().is_some());
    match (is_mounted, *Preemption::of_kernel() == Preemption::Perhaps) {
        (true, false) => met(NAME, format!("mounted at {DEBUGFS}")),
        (false, false) => {
            met(NAME, "not readable, and not needed to know how the kernel preempts itself")
        }
        (true, true) => lacking(
            NAME,
            "locked down",
            "how the kernel preempts itself is unknown, and calls are probed as if it did; CAP_SYSLOG would tell",
        ),
        (false, true) if has_file_system("debugfs") => lacking(
            NAME,
            "not mounted, or not readable",
            "how the kernel preempts itself is unknown, and calls are probed as if it did; mount it with \
             `mount -t debugfs debugfs /sys/kernel/debug`",
        ),
        (false, true) => lacking(
            NAME,
            "not in this kernel: needs CONFIG_DEBUG_FS",
            "how the kernel preempts itself is unknown, and calls are probed as if it did",
        ),
    }
}

/// Whether the kernel has this file system, mounted or not.
fn has_file_system(name: &str) -> bool {
    let all = fs::read_to_string(FILE_SYSTEMS).unwrap_or_default();
    all.lines().any(|line| line.split_ascii_whitespace().next_back() == Some(name))
}
