//! `TRAP_PERF_FLAG_*`, the flags of a SIGTRAP that a perf event sent.

use super::FlagTable;

/// `si_perf_flags` (`include/uapi/asm-generic/siginfo.h`; the `libc` crate has none of them).
pub static TRAP_PERF: FlagTable = FlagTable(&[(1, "TRAP_PERF_FLAG_ASYNC")]);
