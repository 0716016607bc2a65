//! bpf(2) and perf_event_open(2), as far as aya does not reach: programs are loaded with attach types
//! that it does not know, from instructions that it would not let us change, and attached to many
//! functions by one link.
//!
//! Attributes are structures of their own for each command, laid out as `union bpf_attr` has them
//! (`include/uapi/linux/bpf.h`). The kernel takes what is not there for zero.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
    ptr,
};

use aya_obj::generated::{
    bpf_attach_type, bpf_cmd, bpf_func_info, bpf_link_info, bpf_map_type, bpf_prog_info,
    bpf_prog_type,
};

use super::object::Program;

/// As much as the verifier's log can have.
const LOG_SIZE: usize = 16 << 20;
const LICENSE: &CStr = c"Dual MIT/GPL";

/// What kind of program is loaded, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// For a kprobe or a kretprobe of a perf event.
    Kprobe,
    /// For a link of kprobe.multi.
    KprobeMulti,
    /// For a link of kprobe.session.
    KprobeSession,
    /// For the entry of a function, by the number of its type.
    Fentry(u32),
    /// For its return.
    Fexit(u32),
    /// For an iterator, by the number of the type of its function.
    Iterator(u32),
    /// For a raw trace point.
    RawTracepoint,
    /// For a trace point of a perf event.
    Tracepoint,
}

impl Kind {
    /// The program's type, the attach type it expects, and the function it is for.
    fn attributes(self) -> (bpf_prog_type, u32, u32) {
        use bpf_prog_type::{
            BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_PROG_TYPE_TRACEPOINT,
            BPF_PROG_TYPE_TRACING,
        };
        let (entry, exit) = (bpf_attach_type::BPF_TRACE_FENTRY, bpf_attach_type::BPF_TRACE_FEXIT);
        match self {
            Self::Kprobe => (BPF_PROG_TYPE_KPROBE, 0, 0),
            Self::KprobeMulti => (BPF_PROG_TYPE_KPROBE, MULTI, 0),
            Self::KprobeSession => (BPF_PROG_TYPE_KPROBE, SESSION, 0),
            Self::Fentry(function) => (BPF_PROG_TYPE_TRACING, entry as u32, function),
            Self::Fexit(function) => (BPF_PROG_TYPE_TRACING, exit as u32, function),
            Self::Iterator(function) => (BPF_PROG_TYPE_TRACING, ITERATOR, function),
            Self::RawTracepoint => (BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0),
            Self::Tracepoint => (BPF_PROG_TYPE_TRACEPOINT, 0, 0),
        }
    }
}

/// `BPF_TRACE_KPROBE_MULTI`, `BPF_TRACE_KPROBE_SESSION`.
const MULTI: u32 = bpf_attach_type::BPF_TRACE_KPROBE_MULTI as u32;
const SESSION: u32 = 56;
/// `BPF_TRACE_ITER`.
const ITERATOR: u32 = bpf_attach_type::BPF_TRACE_ITER as u32;

/// `BPF_PROG_LOAD`.
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
}

/// A program that the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(super) struct Refused {
    /// Why, in short.
    #[source]
    pub(super) error: io::Error,
    /// Why, by the verifier, if it came to that.
    pub(super) log: String,
}

/// Loads a program.
pub(super) fn load(name: &str, kind: Kind, program: &Program) -> Result<OwnedFd, Refused> {
    let (prog_type, expected_attach_type, attach_btf_id) = kind.attributes();
    let Program { code, functions } = program;
    let mut attributes = ProgLoad {
        prog_type: prog_type as u32,
        insn_cnt: u32::try_from(code.len()).unwrap_or(u32::MAX),
        insns: code.as_ptr() as u64,
        license: LICENSE.as_ptr() as u64,
        expected_attach_type,
        attach_btf_id,
        ..ProgLoad::default()
    };
    if let Some(functions) = functions {
        attributes.prog_btf_fd = number(functions.btf());
        attributes.func_info_rec_size = size_of::<bpf_func_info>() as u32;
        attributes.func_info = functions.info().as_ptr() as u64;
        attributes.func_info_cnt = u32::try_from(functions.info().len()).unwrap_or(u32::MAX);
    }
    // It ends with a NUL, like every string of the kernel's.
    for (to, from) in attributes.prog_name.iter_mut().zip(name.bytes().take(15)) {
        *to = from;
    }
    // SAFETY: what the attributes point to outlives the call; sizes are given.
    let error = match unsafe { bpf(bpf_cmd::BPF_PROG_LOAD, &mut attributes) }.and_then(descriptor) {
        Ok(program) => {
            tell_of_verification(name, code.len(), program.as_fd());
            return Ok(program);
        }
        Err(error) => error,
    };
    // Once more, for the reason: to write it down makes verification cost a multiple.
    let mut log = vec![0u8; LOG_SIZE];
    attributes.log_level = 1;
    attributes.log_size = LOG_SIZE as u32;
    attributes.log_buf = log.as_mut_ptr() as u64;
    // SAFETY: as above.
    match unsafe { bpf(bpf_cmd::BPF_PROG_LOAD, &mut attributes) }.and_then(descriptor) {
        Ok(program) => Ok(program),
        Err(_) => {
            let text = CStr::from_bytes_until_nul(&log).map(CStr::to_string_lossy);
            Err(Refused { error, log: text.unwrap_or_default().into_owned() })
        }
    }
}

/// Says what the verifier had to do (from 5.16).
fn tell_of_verification(name: &str, length: usize, program: BorrowedFd<'_>) {
    if tracing::enabled!(tracing::Level::TRACE)
        && let Ok(info) = program_info(program)
    {
        let verified = info.verified_insns;
        tracing::trace!("{name}: {length} instructions, the verifier looked at {verified}");
    }
}

/// `BPF_PROG_TEST_RUN`.
#[repr(C)]
#[derive(Default)]
struct TestRun {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
}

/// Runs a program that was loaded as [`Kind::RawTracepoint`] once, in this thread; what it returns.
pub(super) fn run(program: BorrowedFd<'_>) -> io::Result<u32> {
    let mut attributes = TestRun { prog_fd: number(program), ..TestRun::default() };
    // SAFETY: integers only.
    unsafe { bpf(bpf_cmd::BPF_PROG_TEST_RUN, &mut attributes) }?;
    Ok(attributes.retval)
}

/// `BPF_BTF_LOAD`.
#[repr(C)]
#[derive(Default)]
struct BtfLoad {
    btf: u64,
    btf_log_buf: u64,
    btf_size: u32,
    btf_log_size: u32,
    btf_log_level: u32,
}

/// Loads types that programs refer to.
pub(super) fn load_btf(types: &[u8]) -> io::Result<OwnedFd> {
    let mut attributes = BtfLoad {
        btf: types.as_ptr() as u64,
        btf_size: u32::try_from(types.len()).map_err(io::Error::other)?,
        ..BtfLoad::default()
    };
    // SAFETY: the types outlive the call; their size is given.
    unsafe { bpf(bpf_cmd::BPF_BTF_LOAD, &mut attributes) }.and_then(descriptor)
}

/// `BPF_LINK_CREATE` for many functions.
#[repr(C)]
struct LinkCreateMulti {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    multi_flags: u32,
    cnt: u32,
    syms: u64,
    addrs: u64,
    cookies: u64,
}

/// Attaches a program that was loaded as [`Kind::KprobeMulti`] or [`Kind::KprobeSession`] to these
/// functions.
pub(super) fn link_multi(
    program: BorrowedFd<'_>,
    session: bool,
    symbols: &[&str],
) -> io::Result<OwnedFd> {
    let names: Vec<CString> =
        symbols.iter().map(|&name| CString::new(name)).collect::<Result<_, _>>()?;
    let pointers: Vec<*const libc::c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let mut attributes = LinkCreateMulti {
        prog_fd: number(program),
        target_fd: 0,
        attach_type: if session { SESSION } else { MULTI },
        flags: 0,
        multi_flags: 0,
        cnt: u32::try_from(pointers.len()).map_err(io::Error::other)?,
        syms: pointers.as_ptr() as u64,
        addrs: 0,
        cookies: 0,
    };
    // SAFETY: what the attributes point to outlives the call; sizes are given.
    unsafe { bpf(bpf_cmd::BPF_LINK_CREATE, &mut attributes) }.and_then(descriptor)
}

/// `BPF_LINK_CREATE` for an iterator.
#[repr(C)]
#[derive(Default)]
struct LinkCreateIterator {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
}

/// `BPF_ITER_CREATE`.
#[repr(C)]
struct IteratorCreate {
    link_fd: u32,
    flags: u32,
}

/// What the program of an iterator writes, over all that there is.
pub(super) fn iterate(program: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let mut attributes = LinkCreateIterator {
        prog_fd: number(program),
        attach_type: ITERATOR,
        ..LinkCreateIterator::default()
    };
    // SAFETY: integers only.
    let link = unsafe { bpf(bpf_cmd::BPF_LINK_CREATE, &mut attributes) }.and_then(descriptor)?;
    let mut attributes = IteratorCreate { link_fd: number(link.as_fd()), flags: 0 };
    // SAFETY: likewise.
    let all = unsafe { bpf(bpf_cmd::BPF_ITER_CREATE, &mut attributes) }.and_then(descriptor)?;
    let mut written = Vec::new();
    File::from(all).read_to_end(&mut written)?;
    Ok(written)
}

/// `BPF_RAW_TRACEPOINT_OPEN`.
#[repr(C)]
struct RawTracepointOpen {
    name: u64,
    prog_fd: u32,
    unused: u32,
}

/// Attaches a program to a raw trace point; one that was loaded for a function, to that.
pub(super) fn open_raw(program: BorrowedFd<'_>, name: Option<&CStr>) -> io::Result<OwnedFd> {
    let name = name.map_or(ptr::null(), CStr::as_ptr) as u64;
    let mut attributes = RawTracepointOpen { name, prog_fd: number(program), unused: 0 };
    // SAFETY: the name, if any, outlives the call.
    unsafe { bpf(bpf_cmd::BPF_RAW_TRACEPOINT_OPEN, &mut attributes) }.and_then(descriptor)
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

/// `include/uapi/linux/perf_event.h`.
const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
const PERF_EVENT_IOC_ENABLE: libc::Ioctl = 0x2400;
const PERF_EVENT_IOC_SET_BPF: libc::Ioctl = 0x4004_2408;

/// Attaches a program to a kprobe or a kretprobe: `kind` is the number of the kernel's unit for them,
/// `config` which of the two.
pub(super) fn open_kprobe(
    program: BorrowedFd<'_>,
    kind: u32,
    config: u64,
    symbol: &str,
) -> io::Result<OwnedFd> {
    let symbol = CString::new(symbol)?;
    let kprobe_func = symbol.as_ptr() as u64;
    open_perf(program, PerfEventAttr { kind, config, kprobe_func, ..PerfEventAttr::default() })
}

/// Attaches a program to the trace point with this id.
pub(super) fn open_tracepoint(program: BorrowedFd<'_>, id: u64) -> io::Result<OwnedFd> {
    let (kind, config) = (PERF_TYPE_TRACEPOINT, id);
    open_perf(program, PerfEventAttr { kind, config, ..PerfEventAttr::default() })
}

fn open_perf(program: BorrowedFd<'_>, mut attributes: PerfEventAttr) -> io::Result<OwnedFd> {
    attributes.size = size_of::<PerfEventAttr>() as u32;
    // Of every process; a probe fires on every processor whichever is named.
    let (pid, cpu, group) = (-1, 0, -1);
    // SAFETY: the attributes, and what they point to, outlive the call.
    let event = descriptor(unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            pid,
            cpu,
            group,
            PERF_FLAG_FD_CLOEXEC,
        )
    })?;
    for (request, argument) in
        [(PERF_EVENT_IOC_SET_BPF, program.as_raw_fd()), (PERF_EVENT_IOC_ENABLE, 0)]
    {
        // SAFETY: both descriptors are open, and neither request touches memory of ours.
        if unsafe { libc::ioctl(event.as_raw_fd(), request, argument) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(event)
}

/// `BPF_MAP_UPDATE_ELEM` and its kin.
#[repr(C)]
struct MapElem {
    map_fd: u32,
    unused: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Sets the only element of an array, whose size it must have.
pub(super) fn set_global(map: BorrowedFd<'_>, value: &[u8]) -> io::Result<()> {
    let key = 0u32;
    let mut attributes = MapElem {
        map_fd: number(map),
        unused: 0,
        key: &raw const key as u64,
        value: value.as_ptr() as u64,
        flags: 0,
    };
    // SAFETY: the key and the value outlive the call, and have the sizes that the map has them.
    unsafe { bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attributes) }.map(drop)
}

/// Reads the only element of an array.
pub(super) fn global<T: aya::Pod + Default>(map: BorrowedFd<'_>) -> io::Result<T> {
    let (key, mut value) = (0u32, T::default());
    let mut attributes = MapElem {
        map_fd: number(map),
        unused: 0,
        key: &raw const key as u64,
        value: &raw mut value as u64,
        flags: 0,
    };
    // SAFETY: the key and the value outlive the call; the caller names the element's type.
    unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &mut attributes) }?;
    Ok(value)
}

/// `BPF_MAP_CREATE`.
#[repr(C)]
#[derive(Default)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
}

/// A map of one map, and a map to be in it.
pub(super) fn array_of_arrays() -> io::Result<(OwnedFd, OwnedFd)> {
    let array = bpf_map_type::BPF_MAP_TYPE_ARRAY as u32;
    let mut inner = MapCreate {
        map_type: array,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        ..MapCreate::default()
    };
    // SAFETY: integers only.
    let inner = unsafe { bpf(bpf_cmd::BPF_MAP_CREATE, &mut inner) }.and_then(descriptor)?;
    let mut outer = MapCreate {
        map_type: bpf_map_type::BPF_MAP_TYPE_ARRAY_OF_MAPS as u32,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        inner_map_fd: number(&inner),
        ..MapCreate::default()
    };
    // SAFETY: integers only.
    let outer = unsafe { bpf(bpf_cmd::BPF_MAP_CREATE, &mut outer) }.and_then(descriptor)?;
    Ok((outer, inner))
}

/// Puts a map into the only place of a map of maps.
pub(super) fn replace_inner(outer: BorrowedFd<'_>, inner: BorrowedFd<'_>) -> io::Result<()> {
    set_global(outer, &number(inner).to_ne_bytes())
}

/// Lets nobody change a map from here on, so that the verifier takes its content for constant.
pub(super) fn freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    let mut fd = number(map);
    // SAFETY: a descriptor is all there is to it.
    unsafe { bpf(bpf_cmd::BPF_MAP_FREEZE, &mut fd) }.map(drop)
}

/// The attributes of `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct InfoByFd {
    fd: u32,
    length: u32,
    info: u64,
}

/// What the kernel tells of a program.
pub(super) fn program_info(program: BorrowedFd<'_>) -> io::Result<bpf_prog_info> {
    // SAFETY: integers and arrays of them, for which zero is a value.
    let mut info: bpf_prog_info = unsafe { std::mem::zeroed() };
    let info_size = size_of::<bpf_prog_info>() as u32;
    let mut attributes =
        InfoByFd { fd: number(program), length: info_size, info: (&raw mut info) as u64 };
    // SAFETY: the attributes and what they point to outlive the call; their sizes are given.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attributes) }?;
    Ok(info)
}

/// How many calls a link of kprobe.multi or kprobe.session missed: `kprobe_multi.missed` of
/// `struct bpf_link_info` (from 6.7; 0 before).
pub(super) fn link_misses(link: BorrowedFd<'_>) -> io::Result<u64> {
    /// `type`, `id`, `prog_id`, padding, then `addrs`, `count`, `flags`, `missed`.
    const MISSED: usize = 16 / 8 + 2;
    let mut info = [0u64; 16];
    const { assert!(size_of::<[u64; 16]>() >= 40 && size_of::<bpf_link_info>() >= 16) };
    let mut attributes = InfoByFd {
        fd: number(link),
        length: size_of_val(&info) as u32,
        info: info.as_mut_ptr() as u64,
    };
    // SAFETY: the attributes and what they point to outlive the call; their sizes are given.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attributes) }?;
    Ok(info[MISSED])
}

fn number(fd: impl AsFd) -> u32 {
    fd.as_fd().as_raw_fd().cast_unsigned()
}

/// # Safety
///
/// The attributes must be those of the command, and what they point to must be there.
unsafe fn bpf<T>(command: bpf_cmd, attributes: &mut T) -> io::Result<libc::c_long> {
    // SAFETY: the caller's promise; the size is given.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command as libc::c_uint, &raw mut *attributes, size_of::<T>())
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A descriptor that a system call returned.
fn descriptor(result: libc::c_long) -> io::Result<OwnedFd> {
    match i32::try_from(result) {
        // SAFETY: a new descriptor, which nobody else has.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
