//! A process as /proc shows it.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

/// What a process may do: the capabilities and the other fields of its status that say so.
pub(crate) fn privileges(pid: i32) -> Result<BTreeMap<String, String>> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    let fields = status.lines().filter_map(|line| line.split_once(":\t"));
    let wanted = |name: &str| name.starts_with("Cap") || matches!(name, "NoNewPrivs" | "Seccomp");
    Ok(fields
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// The processor time a process has used, in ticks.
pub(crate) fn ticks(pid: i32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    // The name may have spaces, so count from what closes it: state is 0, utime 11, stime 12.
    let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').skip(11).take(2));
    fields.context(path)?.map(|ticks| Ok(ticks.parse::<u64>()?)).sum()
}
