//! What is in the kernel.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Commands of bpf(2), `enum bpf_cmd` in `include/uapi/linux/bpf.h`.
const MAP_UPDATE_ELEM: i32 = 2;
const OBJ_PIN: i32 = 6;
const PROG_GET_NEXT_ID: i32 = 11;
const MAP_GET_NEXT_ID: i32 = 12;
const MAP_GET_FD_BY_ID: i32 = 14;
const OBJ_GET_INFO_BY_FD: i32 = 15;
const LINK_GET_FD_BY_ID: i32 = 30;
const LINK_GET_NEXT_ID: i32 = 31;

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
        Self { probes: probes(), programs: programs(), maps: ids(MAP_GET_NEXT_ID).len() }
    }
}

/// How many eBPF programs there are.
pub(crate) fn programs() -> usize {
    ids(PROG_GET_NEXT_ID).len()
}

fn probes() -> usize {
    let list = "/sys/kernel/debug/kprobes/list";
    let probes = fs::read_to_string(list).unwrap_or_else(|error| panic!("{list}: {error}"));
    probes.lines().count()
}

/// Descriptors of all eBPF maps that there are.
pub(crate) fn maps() -> Vec<OwnedFd> {
    open(MAP_GET_NEXT_ID, MAP_GET_FD_BY_ID)
}

/// Descriptors of all attachments of eBPF programs that are objects of their own: on 5.10 not those
/// of kprobes.
pub(crate) fn links() -> Vec<OwnedFd> {
    open(LINK_GET_NEXT_ID, LINK_GET_FD_BY_ID)
}

/// The name of a map and the bytes of a value in it: members of `struct bpf_map_info`.
pub(crate) fn name_and_value_size(map: &OwnedFd) -> (String, usize) {
    #[repr(C)]
    struct InfoByFd {
        fd: u32,
        length: u32,
        info: u64,
    }
    let mut info = [0_u8; 40];
    let info_at = info.as_mut_ptr() as u64;
    let fd = map.as_raw_fd().cast_unsigned();
    // SAFETY: the kernel writes as many bytes as are said to be there.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut InfoByFd { fd, length: 40, info: info_at }) }
        .unwrap_or_else(|error| panic!("a map does not tell of itself: {error}"));
    let size = u32::from_ne_bytes([info[12], info[13], info[14], info[15]]);
    let name = String::from_utf8_lossy(&info[24..]).trim_end_matches('\0').to_owned();
    (name, size as usize)
}

/// Writes an element of an array.
pub(crate) fn write(map: &OwnedFd, index: u32, value: &[u8]) {
    let (name, size) = name_and_value_size(map);
    assert_eq!(value.len(), size, "a value of {name}");
    #[repr(C, align(8))]
    struct Element {
        map: u32,
        key: u64,
        value: u64,
        flags: u64,
    }
    let mut element = Element {
        map: map.as_raw_fd().cast_unsigned(),
        key: &raw const index as u64,
        value: value.as_ptr() as u64,
        flags: 0,
    };
    // SAFETY: a key and a value of the map's sizes, to be read.
    unsafe { bpf(MAP_UPDATE_ELEM, &mut element) }
        .unwrap_or_else(|error| panic!("cannot write element {index} of {name}: {error}"));
}

/// Gives an object a name in a file system of the type bpf.
pub(crate) fn pin(object: &OwnedFd, path: &Path) {
    #[repr(C)]
    struct Pin {
        path: u64,
        fd: u32,
        flags: u32,
    }
    let name = CString::new(path.as_os_str().as_bytes())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let fd = object.as_raw_fd().cast_unsigned();
    // SAFETY: a string that outlives the call.
    unsafe { bpf(OBJ_PIN, &mut Pin { path: name.as_ptr() as u64, fd, flags: 0 }) }
        .unwrap_or_else(|error| panic!("cannot pin {}: {error}", path.display()));
}

/// The part of `union bpf_attr` that the commands for ids use.
#[repr(C)]
struct Id {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

/// The ids of all objects that a command steps through.
fn ids(next: i32) -> Vec<u32> {
    let mut attr = Id { id: 0, next_id: 0, open_flags: 0 };
    let mut found = Vec::new();
    loop {
        // SAFETY: no pointers.
        if let Err(error) = unsafe { bpf(next, &mut attr) } {
            assert_eq!(error.raw_os_error(), Some(libc::ENOENT), "{error}");
            return found;
        }
        found.push(attr.next_id);
        attr.id = attr.next_id;
    }
}

fn open(next: i32, by_id: i32) -> Vec<OwnedFd> {
    let open = |id| {
        // SAFETY: no pointers; the descriptor is new, and nobody else's.
        unsafe {
            Some(OwnedFd::from_raw_fd(bpf(by_id, &mut Id { id, next_id: 0, open_flags: 0 }).ok()?))
        }
    };
    // One that is gone meanwhile is none.
    ids(next).into_iter().filter_map(open).collect()
}

/// # Safety
///
/// What `attr` points to has to be as the command needs it.
unsafe fn bpf<T>(command: i32, attr: &mut T) -> io::Result<i32> {
    // SAFETY: the command reads and writes what has the size given; the rest is the caller's part.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attr, size_of::<T>()) };
    match i32::try_from(result) {
        Ok(result) if result >= 0 => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}
