//! What the kernel holds of a tracer, asked without any tool.

use std::collections::BTreeSet;

use anyhow::Result;
use sigtrace_tests::bpf;
use sigtrace_tests::expect::ABI_32;
use sigtrace_tests::kernel::{Kernel, has_entry_32};

const BPF_PROG_TYPE_KPROBE: u32 = 2;
const BPF_PROG_TYPE_TRACEPOINT: u32 = 5;
const BPF_PROG_TYPE_RAW_TRACEPOINT: u32 = 17;
const BPF_PROG_TYPE_TRACING: u32 = 26;
/// The types a tracer's programs have; systemd's own are of others.
const TRACERS: [u32; 4] = [
    BPF_PROG_TYPE_KPROBE,
    BPF_PROG_TYPE_TRACEPOINT,
    BPF_PROG_TYPE_RAW_TRACEPOINT,
    BPF_PROG_TYPE_TRACING,
];

/// Calls of which the 64-bit entry has a session of its own, as its program is shorter than one that serves many.
const OWN_SESSION: [&str; 2] = ["rt_sigprocmask", "kill"];

/// What a tracer leaves in the kernel while it lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traces {
    /// The names of the programs that see calls, in order.
    pub(crate) probes: Vec<String>,
    /// The ids of the tracing programs, in order.
    pub(crate) programs: Vec<u32>,
}

impl Traces {
    /// What is there now.
    pub(crate) fn now() -> Result<Self> {
        // A program that is gone by now is none.
        let is_of_a_tracer =
            |id: &u32| bpf::program_type(*id).is_some_and(|kind| TRACERS.contains(&kind));
        let programs = bpf::programs().into_iter().filter(is_of_a_tracer).collect();
        Ok(Self { probes: probes(), programs })
    }
}

/// The names of the programs that see `syscalls` if nothing else is asked for, as [`Traces::probes`] has them.
pub(crate) fn by_default(syscalls: &[&str]) -> Vec<String> {
    let kernel = Kernel::running();
    programs(syscalls, |name, is_32| if is_32 { kernel.probe_32(name) } else { kernel.probe(name) })
}

/// The same if all entries are probed by this mechanism, as `stats` names it.
pub(crate) fn by(mechanism: &'static str, syscalls: &[&str]) -> Vec<String> {
    programs(syscalls, |_, _| mechanism)
}

/// The same with a mechanism for each entry, which `by` tells of a call and of whether its callers have 32 bits.
fn programs(syscalls: &[&str], by: impl Fn(&str, bool) -> &'static str) -> Vec<String> {
    // The names of those that serve many entries, once each, and of the others.
    let (mut shared, mut own) = (BTreeSet::new(), Vec::new());
    let native = syscalls.iter().map(|name| (*name, false));
    let of_32 = syscalls.iter().filter(|name| has_entry_32(name)).map(|name| (*name, true));
    for (name, is_32) in native.chain(of_32) {
        let mechanism = by(name, is_32);
        let (for_many, ends): (_, &[&str]) = match mechanism {
            "kprobe" => (None, &["enter", "exit"]),
            "fentry" => (None, &["fentry", "fexit"]),
            "kprobe+fexit" => (None, &["enter", "fexit"]),
            "kprobe.multi+fexit" => (Some("multi"), &["fexit"]),
            "kprobe.session" if !is_32 && OWN_SESSION.contains(&name) => (None, &["session"]),
            "kprobe.session" => (Some("session"), &[]),
            other => panic!("no mechanism: {other}"),
        };
        // Where the kernel can skip a program for the return, it has help.
        let is_helped = mechanism.ends_with("+fexit") && Kernel::running().preempts();
        let prefix = if is_32 { format!("{ABI_32}_") } else { String::new() };
        let ends = ends.iter().chain(is_helped.then_some(&"exit"));
        own.extend(ends.map(|end| format!("{prefix}{name}_{end}")));
        shared.extend(for_many.map(str::to_owned));
    }
    let all = own.into_iter().chain(shared);
    // As far as the kernel keeps them.
    let mut names: Vec<String> = all.map(|name| name.chars().take(15).collect()).collect();
    names.sort();
    names
}

/// The names of the programs that see calls, in order.
pub(crate) fn probes() -> Vec<String> {
    let is_of_a_tracer =
        |id: &u32| bpf::program_type(*id).is_some_and(|kind| TRACERS.contains(&kind));
    let programs = bpf::programs().into_iter().filter(is_of_a_tracer);
    let sees_calls = |name: &String| {
        let others = ["thread_", "task_", "signal_generate"];
        !others.iter().any(|other| name.starts_with(other))
    };
    let mut names: Vec<_> = programs.filter_map(bpf::program_name).filter(sees_calls).collect();
    names.sort();
    names
}

/// How often the kernel skipped programs of a tracer, each because the same program had been interrupted by another
/// thread on that processor: on kernels that preempt threads in programs, from 7.0 on.
pub(crate) fn skipped() -> u64 {
    bpf::programs().into_iter().filter_map(bpf::program_misses).sum()
}
