//! What is in the kernel.

use std::fs;

/// `BPF_PROG_GET_NEXT_ID` and `BPF_MAP_GET_NEXT_ID`, `include/uapi/linux/bpf.h`.
const NEXT_PROGRAM: i32 = 11;
const NEXT_MAP: i32 = 12;

/// The part of `union bpf_attr` that these commands use.
#[repr(C)]
struct NextId {
    start_id: u32,
    next_id: u32,
    open_flags: u32,
}

/// How much of what a tracer can leave behind is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leftovers {
    /// kprobes and kretprobes.
    pub(crate) probes: usize,
    /// eBPF programs.
    pub(crate) programs: usize,
    /// eBPF maps.
    pub(crate) maps: usize,
}

impl Leftovers {
    /// What is there now.
    pub(crate) fn now() -> Self {
        Self { probes: probes(), programs: programs(), maps: count(NEXT_MAP) }
    }
}

/// How many eBPF programs there are.
pub(crate) fn programs() -> usize {
    count(NEXT_PROGRAM)
}

fn probes() -> usize {
    let list = "/sys/kernel/debug/kprobes/list";
    let probes = fs::read_to_string(list).unwrap_or_else(|error| panic!("{list}: {error}"));
    probes.lines().count()
}

/// How many objects a command that steps through their ids finds.
fn count(command: i32) -> usize {
    let mut attr = NextId { start_id: 0, next_id: 0, open_flags: 0 };
    let mut found = 0;
    loop {
        // SAFETY: the command reads and writes what has the size given.
        let next =
            unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut attr, size_of::<NextId>()) };
        if next != 0 {
            let error = std::io::Error::last_os_error();
            assert_eq!(error.raw_os_error(), Some(libc::ENOENT), "{error}");
            return found;
        }
        found += 1;
        attr.start_id = attr.next_id;
    }
}
