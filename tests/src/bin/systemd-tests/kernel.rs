//! What the kernel holds of a tracer, asked without any tool.

use std::fs;
use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};

const PROBES: &str = "/sys/kernel/debug/kprobes/list";

const BPF_PROG_GET_NEXT_ID: libc::c_int = 11;
const BPF_PROG_GET_FD_BY_ID: libc::c_int = 13;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;

const BPF_PROG_TYPE_KPROBE: u32 = 2;
const BPF_PROG_TYPE_TRACEPOINT: u32 = 5;
const BPF_PROG_TYPE_RAW_TRACEPOINT: u32 = 17;
const BPF_PROG_TYPE_TRACING: u32 = 26;
/// The types a tracer's programs have; systemd's own are of others.
const TRACERS: [u32; 4] = [
    BPF_PROG_TYPE_KPROBE,
    BPF_PROG_TYPE_TRACEPOINT,
    BPF_PROG_TYPE_RAW_TRACEPOINT,
    BPF_PROG_TYPE_TRACING,
];

/// What a tracer leaves in the kernel while it lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traces {
    /// The probes, as `k symbol` for entries and `r symbol` for returns, in order.
    pub(crate) probes: Vec<String>,
    /// The ids of the tracing programs, in order.
    pub(crate) programs: Vec<u32>,
}

impl Traces {
    /// What is there now.
    pub(crate) fn now() -> Result<Self> {
        Ok(Self { probes: probes()?, programs: programs()? })
    }
}

/// The probes of pairs on the entry points of `syscalls`, as [`Traces::probes`] has them: one for
/// 64-bit callers and one for 32-bit ones.
pub(crate) fn pairs(syscalls: &[&str]) -> Vec<String> {
    let entries = syscalls.iter().flat_map(|syscall| {
        // A siginfo_t has another layout for 32-bit callers.
        let compat = if syscall.ends_with("sigqueueinfo") { "compat_" } else { "" };
        [format!("__x64_sys_{syscall}"), format!("__ia32_{compat}sys_{syscall}")]
    });
    let mut probes: Vec<_> =
        entries.flat_map(|entry| ["k", "r"].map(|kind| format!("{kind} {entry}"))).collect();
    probes.sort();
    probes
}

/// Lines are `address kind symbol+offset [state]`.
pub(crate) fn probes() -> Result<Vec<String>> {
    let list = fs::read_to_string(PROBES).with_context(|| format!("reading {PROBES}"))?;
    let probe = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (kind, place) = (words.next()?, words.next()?);
        let symbol = place.split_once('+').map_or(place, |(symbol, _)| symbol);
        Some(format!("{kind} {symbol}"))
    };
    let found: Option<Vec<_>> = list.lines().map(probe).collect();
    let mut found = found.with_context(|| format!("{PROBES} is not understood:\n{list}"))?;
    found.sort();
    Ok(found)
}

fn programs() -> Result<Vec<u32>> {
    let mut found = Vec::new();
    let mut id = 0;
    while let Some(next) = next_program(id).context("BPF_PROG_GET_NEXT_ID")? {
        id = next;
        // A program that is gone by now is none.
        if program_type(id).is_ok_and(|kind| TRACERS.contains(&kind)) {
            found.push(id);
        }
    }
    Ok(found)
}

fn next_program(after: u32) -> io::Result<Option<u32>> {
    // start_id, next_id, open_flags
    let mut attributes = [after, 0, 0];
    match bpf(BPF_PROG_GET_NEXT_ID, &mut attributes) {
        Ok(_) => Ok(Some(attributes[1])),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn program_type(id: u32) -> io::Result<u32> {
    let fd = bpf(BPF_PROG_GET_FD_BY_ID, &mut [id, 0, 0])?;
    // SAFETY: a descriptor the kernel has just made for us.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // The first two members of struct bpf_prog_info: type, id.
    let mut info = [0_u32; 2];
    let address = (&raw mut info) as u64;
    let length = size_of_val(&info) as u32;
    // bpf_fd, info_len, info: its low half first
    let mut attributes =
        [fd.as_raw_fd() as u32, length, address as u32, (address >> u32::BITS) as u32];
    bpf(BPF_OBJ_GET_INFO_BY_FD, &mut attributes)?;
    Ok(info[0])
}

/// bpf(2), with the beginning of its attributes.
fn bpf<const N: usize>(command: libc::c_int, attributes: &mut [u32; N]) -> io::Result<libc::c_int> {
    // SAFETY: the attributes outlive the call and their size is given; what they point to is the
    // caller's, and does too.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), size_of_val(attributes))
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as libc::c_int) }
}
