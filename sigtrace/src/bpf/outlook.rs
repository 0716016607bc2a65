//! By which mechanism each syscall would be probed on this machine.

use std::{collections::HashSet, fs};

use anyhow::{Context as _, Result};
use sigtrace_common::{SYSCALLS, Syscall};

use super::{Mechanism, Policy, fentry::Functions, support, types::Types};

const KALLSYMS: &str = "/proc/kallsyms";

/// The mechanism of each row of the syscall table, going by what the kernel says of its functions.
///
/// # Errors
///
/// When the kernel does not tell its functions.
pub fn mechanisms(policy: Policy) -> Result<Vec<Mechanism>> {
    let text = fs::read_to_string(KALLSYMS).context(KALLSYMS)?;
    // Lines are `address type name`, then the module, if it is of one.
    let functions: HashSet<&str> =
        text.lines().filter_map(|line| line.split_ascii_whitespace().nth(2)).collect();
    let typed = Types::of_kernel().ok().map(|types| Functions::of(&types, SYSCALLS.iter()));
    Ok(SYSCALLS
        .iter()
        .map(|syscall| mechanism(syscall, policy, &functions, typed.as_ref()))
        .collect())
}

fn mechanism(
    syscall: &'static Syscall,
    policy: Policy,
    functions: &HashSet<&str>,
    typed: Option<&Functions>,
) -> Mechanism {
    // As `Kernel::understands` has it.
    let understood = |symbol: &str| typed.is_some() || symbol != "signalfd_read_iter";
    let mut points = syscall
        .points(support::NATIVE)
        .filter(|point| functions.contains(point.symbol) && understood(point.symbol))
        .peekable();
    if points.peek().is_none() {
        return Mechanism::Unsupported;
    }
    let has_type = |symbol: &str| typed.is_some_and(|typed| typed.name(symbol).is_some());
    let wanted = policy.wanted(syscall);
    if wanted != Mechanism::Kprobe && points.all(|point| has_type(point.symbol)) {
        wanted
    } else {
        Mechanism::Kprobe
    }
}
