//! The architecture that this sigtrace was built for, and traces. What differs beside its system calls, of which
//! the table knows all, is here.

use sigtrace_common::Abi;

/// The binary interface of programs that have as many bits as the kernel.
#[cfg(target_arch = "x86_64")]
pub(crate) const NATIVE: Abi = Abi::X86_64;
/// The binary interface of programs that have as many bits as the kernel.
#[cfg(target_arch = "aarch64")]
pub(crate) const NATIVE: Abi = Abi::Aarch64;

/// Whether a member of `struct thread_info` tells which interface a thread's call came through
/// (`TS_COMPAT` in `status`, `arch/x86/include/asm/thread_info.h`). Elsewhere its registers do.
pub(crate) const TELLS_COMPAT_BY_MEMBER: bool = cfg!(target_arch = "x86_64");

/// Whether the kernel can have a function call a trampoline without ftrace (`bpf_arch_text_poke`).
pub(crate) const PATCHES_FUNCTIONS: bool = cfg!(target_arch = "x86_64");

/// Bytes of a kernel stack: `THREAD_SIZE`, of which the kernel's types do not tell. On x86 it
/// is four pages (`arch/x86/include/asm/page_64_types.h`), on Arm as much, or a page if that is more
/// (`arch/arm64/include/asm/memory.h`). Kernels built with KASAN have larger ones: there, the call in which a signal
/// is sent, and who reads from a signalfd, are not found.
pub(crate) fn stack_size() -> u32 {
    const LEAST: u32 = 16384;
    if cfg!(target_arch = "aarch64") { LEAST.max(page_size()) } else { LEAST }
}

/// Bytes of a page: `_SC_PAGESIZE` in sysconf(3). On x86 it has 4 KiB, on Arm that, 16 or 64.
pub(crate) fn page_size() -> u32 {
    // SAFETY: no memory is involved.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u32::try_from(size).unwrap_or(4096)
}
