//! Whether sigtrace can run on this host.

use std::fs;
use std::io::IsTerminal as _;
use std::path::Path;

use crate::arch::Arch;
use crate::process;

/// Each of these lets a program load what sigtrace loads.
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

/// Why sigtrace cannot run on this host; `None` when it can.
pub(crate) fn obstacle() -> Option<String> {
    let reasons = [
        architecture(),
        kprobes(Path::new("/")),
        lockdown(Path::new("/")),
        privileges(&fs::read_to_string("/proc/self/status").unwrap_or_default()),
    ];
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    (!reasons.is_empty()).then(|| reasons.join(", and "))
}

fn architecture() -> Option<String> {
    Arch::of_host().err().map(|error| error.to_string())
}

fn kprobes(root: &Path) -> Option<String> {
    let found = root.join("sys/bus/event_source/devices/kprobe").exists();
    (!found).then(|| "its kernel has no kprobes (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS)".into())
}

fn lockdown(root: &Path) -> Option<String> {
    let state = fs::read_to_string(root.join("sys/kernel/security/lockdown")).ok()?;
    let confidential = state.contains("[confidentiality]");
    confidential.then(|| "its kernel is in lockdown (confidentiality)".into())
}

/// What the capabilities in a /proc/PID/status, or sudo, do not allow.
fn privileges(status: &str) -> Option<String> {
    if !process::is_root() {
        let asks_nothing = || process::succeeds(process::command("sudo").args(["-n", "true"]));
        let can_ask = std::io::stdin().is_terminal() && which::which("sudo").is_ok();
        let why = "tracing needs root, and there is no sudo to become it";
        return (!can_ask && !asks_nothing()).then(|| why.into());
    }
    let granted = capabilities(status)?;
    let has = |capability: u32| granted & (1 << capability) != 0;
    let enough = has(SYS_ADMIN) || (has(BPF) && has(PERFMON));
    (!enough).then(|| "root lacks CAP_BPF and CAP_PERFMON here, as in a container".into())
}

fn capabilities(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_judged_by_its_files() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert!(kprobes(root.path()).unwrap().contains("CONFIG_KPROBES"));
        assert_eq!(lockdown(root.path()), None);
        write("sys/bus/event_source/devices/kprobe/type", "6\n");
        write("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
        assert_eq!(kprobes(root.path()), None);
        assert!(lockdown(root.path()).unwrap().contains("lockdown"));
        write("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
        assert_eq!(lockdown(root.path()), None);
    }

    #[test]
    fn capabilities_are_read_from_the_status() {
        assert_eq!(capabilities("Name:\tx\nCapEff:\t000000c000000000\n"), Some(0xc0_0000_0000));
        assert_eq!(capabilities("Name:\tx\n"), None);
    }
}
