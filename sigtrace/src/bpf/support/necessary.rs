//! The conditions without which sigtrace cannot trace.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use caps::{CapSet, Capability};

use super::{Condition, Standing, read};

const KPROBE_PMU: &str = "/sys/bus/event_source/devices/kprobe/type";
const PERF_PARANOID: &str = "/proc/sys/kernel/perf_event_paranoid";
const PID_NAMESPACE: &str = "/proc/self/ns/pid";
/// The initial one's number in there, `include/linux/proc_ns.h`.
const PROC_PID_INIT_INO: u64 = 0xEFFF_FFFC;
const USER_NAMESPACE: &str = "/proc/self/ns/user";
/// The initial one's number in there, likewise.
const PROC_USER_INIT_INO: u64 = 0xEFFF_FFFD;
const SECURITYFS: &str = "/sys/kernel/security";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
/// All of them.
pub(super) const NECESSARY: [fn() -> Condition; 6] =
    [kernel, privileges, pid_namespace, kprobes, control_groups, lockdown];

fn kernel() -> Condition {
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_else(|error| format!("{error:#}"));
    let standing = if version(&release) < (5, 10) {
        Standing::Missing { remedy: "sigtrace needs Linux 5.10 or later" }
    } else {
        Standing::Met
    };
    Condition { name: "kernel", found: release, standing }
}

fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn privileges() -> Condition {
    if is_in_child_user_namespace() {
        return Condition {
            name: "privileges",
            found: "none outside this user namespace, which is not the initial one".to_owned(),
            standing: Standing::Missing {
                remedy: "BPF works only in the initial one; run sigtrace as root outside, or its container \
                         without user namespaces, for example with `docker run --userns=host`",
            },
        };
    }
    let needed = [Capability::CAP_BPF, Capability::CAP_PERFMON];
    let held = |capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
    let missing: Vec<_> = if held(Capability::CAP_SYS_ADMIN) {
        Vec::new()
    } else {
        needed.into_iter().filter(|&c| !held(c)).map(|c| c.to_string()).collect()
    };
    // Debian and Ubuntu have levels above the kernel's own 2, which keep perf_event_open from all
    // but CAP_SYS_ADMIN.
    let paranoid: i32 = read(PERF_PARANOID).ok().and_then(|level| level.parse().ok()).unwrap_or(0);
    if missing.is_empty() && paranoid > 2 && !held(Capability::CAP_SYS_ADMIN) {
        return Condition {
            name: "privileges",
            found: format!("CAP_SYS_ADMIN not held, and kernel.perf_event_paranoid is {paranoid}"),
            standing: Standing::Missing {
                remedy: "run sigtrace as root, give it that capability, or set the sysctl to 2",
            },
        };
    }
    if missing.is_empty() {
        let found = "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, held".to_owned();
        return Condition { name: "privileges", found, standing: Standing::Met };
    }
    Condition {
        name: "privileges",
        found: format!("{} not held", missing.join(" and ")),
        standing: Standing::Missing {
            remedy: "run sigtrace as root, for example with sudo, or give it these capabilities",
        },
    }
}

/// Whether our capabilities are of a user namespace that somebody created, as by `unshare -r`: bpf(2) and
/// perf_event_open(2) go by those of the initial one. A kernel without the file has no others.
fn is_in_child_user_namespace() -> bool {
    fs::metadata(USER_NAMESPACE).is_ok_and(|namespace| namespace.ino() != PROC_USER_INIT_INO)
}

/// The programs tell the numbers of the initial pid namespace, and so must we: whom we leave out,
/// whom we start, and whom we are told to select.
fn pid_namespace() -> Condition {
    let (found, standing) = match fs::metadata(PID_NAMESPACE) {
        Ok(namespace) if namespace.ino() == PROC_PID_INIT_INO => {
            ("the initial one".to_owned(), Standing::Met)
        }
        Ok(_) => (
            "not the initial one".to_owned(),
            Standing::Missing {
                remedy: "its process ids are not the kernel's; run sigtrace outside, or its container \
                         in the host's, with `docker run --pid=host` or `hostPID: true`",
            },
        ),
        Err(error) => (
            format!("unknown: cannot read {PID_NAMESPACE}: {error}"),
            Standing::Lacking {
                effect: "in any but the initial one, processes are confused with each other",
            },
        ),
    };
    Condition { name: "pid namespace", found, standing }
}

fn kprobes() -> Condition {
    let (found, standing) = if Path::new(KPROBE_PMU).exists() {
        ("available".to_owned(), Standing::Met)
    } else {
        (
            format!("not available: no {KPROBE_PMU}"),
            Standing::Missing {
                remedy: "sigtrace needs a kernel with CONFIG_KPROBES and CONFIG_KPROBE_EVENTS",
            },
        )
    };
    Condition { name: "kprobes", found, standing }
}

/// The programs select by them, and ask for that of the caller.
fn control_groups() -> Condition {
    // Of every process of a kernel that has them.
    const OWN: &str = "/proc/self/cgroup";
    let (found, standing) = if Path::new(OWN).exists() {
        ("available".to_owned(), Standing::Met)
    } else {
        (
            format!("not available: no {OWN}"),
            Standing::Missing { remedy: "sigtrace needs a kernel with CONFIG_CGROUPS" },
        )
    };
    Condition { name: "control groups", found, standing }
}

fn lockdown() -> Condition {
    let mode = match read(LOCKDOWN) {
        Ok(mode) => mode,
        Err(_) if Path::new(SECURITYFS).read_dir().is_ok_and(|mut dir| dir.next().is_none()) => {
            return Condition {
                name: "lockdown",
                found: format!("unknown: {SECURITYFS} is not mounted"),
                standing: Standing::Lacking {
                    effect: "in confidentiality mode the kernel would refuse the probes",
                },
            };
        }
        Err(_) => "none".to_owned(),
    };
    let active = mode
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or(mode.as_str(), |(active, _)| active)
        .to_owned();
    let standing = if active == "confidentiality" {
        Standing::Missing {
            remedy: "it forbids kprobes and reading kernel memory; boot with lockdown=integrity or \
                     none",
        }
    } else {
        Standing::Met
    };
    Condition { name: "lockdown", found: active, standing }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn a_release_is_read_as_its_first_two_numbers() {
        assert_eq!(version("6.12.107+deb13-cloud-amd64"), (6, 12));
        assert_eq!(version("7.3-rc1"), (7, 3));
        assert_eq!(version("nonsense"), (0, 0));
    }
}
