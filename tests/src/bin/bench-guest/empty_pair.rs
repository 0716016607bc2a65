//! The cheapest kprobe/kretprobe pair there can be: programs that return at once.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};

const KPROBE: &str = "/sys/bus/event_source/devices/kprobe";

/// `enum bpf_cmd`, `enum bpf_prog_type`: include/uapi/linux/bpf.h.
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_PROG_TYPE_KPROBE: u32 = 2;
/// include/uapi/linux/perf_event.h.
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
const PERF_EVENT_IOC_ENABLE: libc::Ioctl = 0x2400;
const PERF_EVENT_IOC_SET_BPF: libc::Ioctl = 0x4004_2408;

/// `r0 = 0; exit`, as `struct bpf_insn`.
const RETURN_0: [u64; 2] = [0xb7, 0x95];

/// What `union bpf_attr` has for `BPF_PROG_LOAD`, as far as it is used.
#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    rest: [u64; 5],
}

/// `struct perf_event_attr`, in its second oldest size.
#[repr(C)]
#[derive(Default)]
struct PerfEventAttr {
    kind: u32,
    size: u32,
    config: u64,
    sampling: [u64; 4],
    wakeup_and_breakpoint: u64,
    kprobe_func: u64,
    probe_offset: u64,
}

/// Pairs on some functions, attached until dropped.
pub(crate) struct EmptyPairs {
    _descriptors: Vec<OwnedFd>,
}

impl EmptyPairs {
    /// Attaches a pair to each of `symbols`.
    pub(crate) fn attach(symbols: &[String]) -> Result<Self> {
        let program = load().context("loading an empty program")?;
        let kind = read_number(&format!("{KPROBE}/type"), "")?;
        let retprobe = read_number(&format!("{KPROBE}/format/retprobe"), "config:")?;
        let mut descriptors = Vec::new();
        for symbol in symbols {
            for config in [1 << retprobe, 0] {
                let event = open(kind, config, symbol)
                    .and_then(|event| enable(&event, &program).map(|()| event))
                    .with_context(|| format!("probing {symbol}"))?;
                descriptors.push(event);
            }
        }
        descriptors.push(program);
        Ok(Self { _descriptors: descriptors })
    }
}

fn load() -> io::Result<OwnedFd> {
    let attr = ProgLoad {
        prog_type: BPF_PROG_TYPE_KPROBE,
        insn_cnt: RETURN_0.len() as u32,
        insns: RETURN_0.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        rest: [0; 5],
    };
    // SAFETY: the attributes, the program and the license outlive the call.
    let fd =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const attr, size_of_val(&attr)) };
    descriptor(fd)
}

fn open(kind: u32, config: u64, symbol: &str) -> io::Result<OwnedFd> {
    let symbol = CString::new(symbol)?;
    let attr = PerfEventAttr {
        kind,
        size: size_of::<PerfEventAttr>() as u32,
        config,
        kprobe_func: symbol.as_ptr() as u64,
        ..PerfEventAttr::default()
    };
    // Of every process; a probe fires on every processor whichever is named.
    let (pid, cpu, group) = (-1, 0, -1);
    // SAFETY: the attributes and the symbol's name outlive the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attr,
            pid,
            cpu,
            group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    descriptor(fd)
}

fn enable(event: &OwnedFd, program: &OwnedFd) -> io::Result<()> {
    for (request, argument) in
        [(PERF_EVENT_IOC_SET_BPF, program.as_raw_fd()), (PERF_EVENT_IOC_ENABLE, 0)]
    {
        // SAFETY: both descriptors are open, and neither request touches memory of ours.
        if unsafe { libc::ioctl(event.as_raw_fd(), request, argument) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn descriptor(result: libc::c_long) -> io::Result<OwnedFd> {
    match i32::try_from(result) {
        // SAFETY: a new descriptor, which nobody else has.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

fn read_number(path: &str, prefix: &str) -> Result<u32> {
    let text = fs::read_to_string(path).with_context(|| path.to_owned())?;
    let number = text.trim().strip_prefix(prefix).and_then(|number| number.parse().ok());
    number.with_context(|| format!("{path}: unexpected {text}"))
}
