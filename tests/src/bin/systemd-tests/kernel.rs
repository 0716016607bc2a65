//! What the kernel holds of a tracer, asked without any tool.

use anyhow::Result;
use sigtrace_tests::bpf;
use sigtrace_tests::kernel::FREQUENT;

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

/// The names of the programs that see `syscalls` if nothing else is asked for, as [`Traces::probes`] has
/// them: returns by trampolines, the entries of frequent calls of 64-bit callers, too, all others by one.
pub(crate) fn by_default(syscalls: &[&str]) -> Vec<String> {
    let frequent = |name: &&&str| FREQUENT.contains(*name);
    let entries = syscalls.iter().filter(frequent).map(|name| format!("{name}_fentry"));
    let returns =
        syscalls.iter().flat_map(|name| ["", "i386_"].map(|of| format!("{of}{name}_fexit")));
    sorted(entries.chain(returns).chain(["multi".to_owned()]))
}

/// The names of the programs for entries and returns of `syscalls` by trampolines, as
/// [`Traces::probes`] has them: for 64-bit callers and for 32-bit ones.
pub(crate) fn trampolines(syscalls: &[&str]) -> Vec<String> {
    let points =
        syscalls.iter().flat_map(|syscall| [(*syscall).to_owned(), format!("i386_{syscall}")]);
    sorted(points.flat_map(|point| [format!("{point}_fentry"), format!("{point}_fexit")]))
}

/// In order, and as far as the kernel keeps them.
fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.map(|name| name.chars().take(15).collect()).collect();
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
