//! The architecture the programs are built for.

use sigtrace_common::Abi;

/// The interface of callers that have as many bits as the kernel.
#[cfg(bpf_target_arch = "x86_64")]
pub const NATIVE: Abi = Abi::X86_64;
/// The interface of callers that have as many bits as the kernel.
#[cfg(bpf_target_arch = "aarch64")]
pub const NATIVE: Abi = Abi::Aarch64;
