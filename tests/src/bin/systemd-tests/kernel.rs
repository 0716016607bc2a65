//! What the kernel holds of a tracer, asked without any tool.

use anyhow::{Context as _, Result};
use sigtrace_tests::bpf;

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

/// What a tracer leaves in the kernel while it lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traces {
    /// The probes, as `k symbol` for entries and `r symbol` for returns, in order.
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
        Ok(Self { probes: probes()?, programs })
    }
}

/// The probes of pairs on the entry points of `syscalls`, as [`Traces::probes`] has them: one for
/// 64-bit callers and one for 32-bit ones.
pub(crate) fn pairs(syscalls: &[&str]) -> Vec<String> {
    let entries = syscalls.iter().flat_map(|syscall| {
        // A siginfo_t has another layout for 32-bit callers.
        let compat = if syscall.ends_with("sigqueueinfo") { "compat_" } else { "" };
        [format!("__x64_sys_{syscall}"), format!("__ia32_{compat}sys_{syscall}")]
    });
    let mut probes: Vec<_> =
        entries.flat_map(|entry| ["k", "r"].map(|kind| format!("{kind} {entry}"))).collect();
    probes.sort();
    probes
}

/// The probes there are, in order.
pub(crate) fn probes() -> Result<Vec<String>> {
    let list = bpf::kprobes();
    let probe = |line: &String| {
        let mut words = line.split_whitespace().skip(1);
        let (kind, place) = (words.next()?, words.next()?);
        let symbol = place.split_once('+').map_or(place, |(symbol, _)| symbol);
        Some(format!("{kind} {symbol}"))
    };
    let found: Option<Vec<_>> = list.iter().map(probe).collect();
    let mut found = found.with_context(|| format!("the list of probes is {list:?}"))?;
    found.sort();
    Ok(found)
}
