//! By which mechanism each syscall would be probed on this machine.

use std::{collections::HashSet, fs};

use anyhow::{Context as _, Result};
use sigtrace_common::{SYSCALLS, Syscall};

use super::{Mechanism, Policy, fentry::Functions, offsets, support, types::Types};

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
    let types = Types::of_kernel().ok();
    let offsets = types.as_ref().map(offsets::of).unwrap_or_default();
    let typed = types.map(|types| Functions::of(&types, SYSCALLS.iter()));
    let is_there = |symbol: &str| functions.contains(symbol) && offsets::suffice(&offsets, symbol);
    Ok(SYSCALLS
        .iter()
        .map(|syscall| mechanism(syscall, policy, is_there, typed.as_ref()))
        .collect())
}

fn mechanism(
    syscall: &'static Syscall,
    policy: Policy,
    is_there: impl Fn(&str) -> bool,
    typed: Option<&Functions>,
) -> Mechanism {
    let points = syscall.points(support::NATIVE);
    let mut points = points.filter(|point| is_there(point.symbol)).peekable();
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
