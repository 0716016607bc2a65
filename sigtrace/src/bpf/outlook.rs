//! By which mechanism each syscall would be probed on this machine.

use std::{collections::HashSet, fs, path::Path};

use anyhow::{Context as _, Result};
use sigtrace_common::{SYSCALLS, Syscall};

use super::{Mechanism, Policy, features::Features, fentry::Functions, machine::Machine, plan};

const KALLSYMS: &str = "/proc/kallsyms";

/// The mechanism of each row of the syscall table, going by what the kernel says of its functions, and by its types
/// or those of a file.
///
/// # Errors
///
/// When the kernel does not tell its functions, or the file has no types of it.
pub fn mechanisms(policy: Policy, btf: Option<&Path>) -> Result<Vec<Mechanism>> {
    let text = fs::read_to_string(KALLSYMS).context(KALLSYMS)?;
    // Lines are `address type name`, then the module, if it is of one.
    let functions: HashSet<&str> =
        text.lines().filter_map(|line| line.split_ascii_whitespace().nth(2)).collect();
    let machine = Machine::running(policy, btf)?;
    let is_there = |symbol: &str| functions.contains(symbol) && machine.understands(symbol);
    let typed = machine.functions(SYSCALLS.iter());
    let mechanism = |syscall| mechanism(syscall, policy, is_there, &machine.features, &typed);
    Ok(SYSCALLS.iter().map(mechanism).collect())
}

fn mechanism(
    syscall: &'static Syscall,
    policy: Policy,
    is_there: impl Fn(&str) -> bool,
    features: &Features,
    typed: &Functions,
) -> Mechanism {
    let points = plan::points(syscall, typed).filter(|point| is_there(point.symbol));
    let mechanisms = points.map(|point| {
        let wanted = policy.wanted(syscall, point.abi, features);
        plan::of_point(wanted, syscall.hook, &point, typed)
    });
    // A row is as good as the worst of its points.
    mechanisms.min().unwrap_or(Mechanism::Unsupported)
}
