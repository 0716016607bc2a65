//! What a workload says about itself: a JSON object a line, on its standard output.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::integer;

/// A call of a workload, as it has to be in sigtrace's stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Expected {
    /// The event, without what nobody can foresee: `id`, `time`, `seq`, `duration_ns`, and `cpu`
    /// unless it is known.
    pub event: Map<String, Value>,
    /// Wall clock in nanoseconds, shortly before the call.
    pub after_ns: u64,
    /// Wall clock in nanoseconds, shortly after it; nothing if it never returns.
    pub before_ns: Option<u64>,
    /// The call did not do to the workload what it should have, so that the expectation is wrong.
    pub problem: Option<String>,
}

/// Numbers that no process has: a workload calls `kill(BEGIN, 0)` and `kill(END, 0)` around what it
/// states, as its run-time library makes signal calls of its own.
pub const BEGIN: i32 = 0x7fff_fff0;
/// See [`BEGIN`].
pub const END: i32 = 0x7fff_fff1;

/// The name in events of the binary interface that this program was built for.
pub fn abi() -> &'static str {
    match std::env::consts::ARCH {
        "x86" => "i386",
        arch => arch,
    }
}

/// The kernel's function for this call, when it is made by a program of 64 bits.
pub fn entry(syscall: &str) -> String {
    let prefix = if cfg!(target_arch = "x86_64") { "__x64_sys_" } else { "__arm64_sys_" };
    format!("{prefix}{syscall}")
}

/// The architecture in `si_arch` of the interface that this program was built for, as it is named there
/// (`include/uapi/linux/audit.h`).
pub const AUDIT_ARCH: &str =
    if cfg!(target_arch = "x86_64") { "AUDIT_ARCH_X86_64" } else { "AUDIT_ARCH_AARCH64" };

/// The name in events of the interface of 32-bit programs.
pub const ABI_32: &str =
    if cfg!(any(target_arch = "x86", target_arch = "x86_64")) { "i386" } else { "arm" };

/// The numbers of a caller in a pid namespace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamespaceIds {
    /// Process id.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
}

/// Who makes the calls.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Process id.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
    /// The numbers in the caller's own pid namespace, if that is not the initial one.
    pub ns: Option<NamespaceIds>,
    /// Process id of the parent.
    pub ppid: i32,
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Name of the thread, as JSON shows it.
    pub comm: String,
    /// Inode of the cgroup.
    pub cgroup: u64,
    /// The processor, if the thread cannot leave it.
    pub cpu: Option<u32>,
}

impl Identity {
    /// The event of a call by this caller. `ret` is what the kernel function returns.
    pub fn event(&self, syscall: &str, args: Value, ret: Option<i64>) -> Map<String, Value> {
        let error = ret.and_then(crate::names::error).map_or(Value::Null, Value::from);
        let mut event = Map::new();
        let mut field = |name: &str, value: Value| _ = event.insert(name.into(), value);
        field("event", json!("syscall"));
        if let Some(cpu) = self.cpu {
            field("cpu", json!(cpu));
        }
        field("syscall", json!(syscall));
        field("abi", json!(abi()));
        field("pid", json!(self.pid));
        field("tid", json!(self.tid));
        if let Some(ns) = self.ns {
            field("ns_pid", json!(ns.pid));
            field("ns_tid", json!(ns.tid));
        }
        field("ppid", json!(self.ppid));
        field("uid", json!(self.uid));
        field("gid", json!(self.gid));
        field("comm", json!(self.comm));
        field("cgroup", integer::shown(self.cgroup));
        field("args", args);
        field("ret", ret.map_or(Value::Null, integer::shown));
        field("error", error);
        event
    }
}
