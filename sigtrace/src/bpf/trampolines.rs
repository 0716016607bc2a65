//! Whether the kernel has trampolines for fentry and fexit programs, and what they risk.

use std::fs;

use super::types::Types;
use crate::arch;

/// The way in which the kernel preempts, in parentheses: `none voluntary (full) lazy`. Only where
/// that can be chosen (`CONFIG_PREEMPT_DYNAMIC`), and debugfs is mounted.
const PREEMPTION: &str = "/sys/kernel/debug/sched/preempt";
/// What the kernel was built to do, among other things: `#1 SMP PREEMPT_DYNAMIC Debian 7.3.2-1`
/// (`scripts/mkcompile_h`, `init/Makefile`).
const VERSION: &str = "/proc/sys/kernel/version";

/// Whether functions can be made to call trampolines. On x86 the kernel patches them itself where ftrace does not;
/// on Arm it takes ftrace (`register_fentry`, `kernel/bpf/trampoline.c`).
pub(super) fn can_be_called(types: &Types) -> bool {
    arch::PATCHES_FUNCTIONS || types.function("register_ftrace_direct").is_some()
}

/// Whether the kernel preempts itself, or may.
pub(super) fn preempts() -> bool {
    preemption().is_some()
}

/// The way in which the kernel preempts itself, if it does, or may.
pub(super) fn preemption() -> Option<String> {
    match fs::read_to_string(PREEMPTION) {
        Ok(modes) => by_choice(&modes),
        Err(_) => by_build(&fs::read_to_string(VERSION).ok()?),
    }
}

/// By the contents of [`PREEMPTION`].
fn by_choice(modes: &str) -> Option<String> {
    let (_, rest) = modes.split_once('(')?;
    let (mode, _) = rest.split_once(')')?;
    ["full", "lazy"].contains(&mode).then(|| mode.to_owned())
}

/// By the contents of [`VERSION`].
fn by_build(version: &str) -> Option<String> {
    let model = version.split_ascii_whitespace().find(|word| word.starts_with("PREEMPT"))?;
    Some(if model == "PREEMPT_DYNAMIC" { format!("perhaps: {model}") } else { model.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::{by_build, by_choice};

    #[test]
    fn a_kernel_that_was_told_how_to_preempt_says_so() {
        assert_eq!(by_choice("none voluntary (full) lazy\n").as_deref(), Some("full"));
        assert_eq!(by_choice("none voluntary full (lazy)\n").as_deref(), Some("lazy"));
        assert_eq!(by_choice("none (voluntary) full\n"), None);
        assert_eq!(by_choice(""), None);
    }

    #[test]
    fn any_other_kernel_was_built_to_do_it_or_not() {
        let version = "#1 SMP PREEMPT_RT Debian 6.12.86-1 (2026-05-02)\n";
        assert_eq!(by_build(version).as_deref(), Some("PREEMPT_RT"));
        let dynamic = by_build("#1 SMP PREEMPT_DYNAMIC Debian 6.12.86-1");
        assert_eq!(dynamic.as_deref(), Some("perhaps: PREEMPT_DYNAMIC"));
        assert_eq!(by_build("#1 SMP PREEMPT Mon Jan 1").as_deref(), Some("PREEMPT"));
        assert_eq!(by_build("#1 SMP Debian 5.10.251-1 (2026-01-19)\n"), None);
    }
}
