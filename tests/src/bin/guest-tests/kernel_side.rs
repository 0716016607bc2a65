//! What is in the kernel.

use sigtrace_tests::bpf::{kprobes, map_ids, programs};

/// How much of what a tracer can leave behind is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leftovers {
    /// kprobes and kretprobes.
    pub(crate) probes: usize,
    /// eBPF programs.
    pub(crate) programs: usize,
    /// eBPF maps.
    pub(crate) maps: usize,
}

impl Leftovers {
    /// What is there now.
    pub(crate) fn now() -> Self {
        Self { probes: kprobes().len(), programs: programs().len(), maps: map_ids().len() }
    }
}
