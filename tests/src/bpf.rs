//! bpf(2), and the list of kprobes: what a tracer has in the kernel, asked without any tool.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Commands, `enum bpf_cmd` in `include/uapi/linux/bpf.h`.
const MAP_UPDATE_ELEM: i32 = 2;
const OBJ_PIN: i32 = 6;
const PROG_GET_NEXT_ID: i32 = 11;
const MAP_GET_NEXT_ID: i32 = 12;
const PROG_GET_FD_BY_ID: i32 = 13;
const MAP_GET_FD_BY_ID: i32 = 14;
const OBJ_GET_INFO_BY_FD: i32 = 15;
const LINK_GET_FD_BY_ID: i32 = 30;
const LINK_GET_NEXT_ID: i32 = 31;

const KPROBES: &str = "/sys/kernel/debug/kprobes/list";

/// The kprobes and kretprobes: lines of `address kind symbol+offset [state]`.
pub fn kprobes() -> Vec<String> {
    let list = fs::read_to_string(KPROBES).unwrap_or_else(|error| panic!("{KPROBES}: {error}"));
    list.lines().map(str::to_owned).collect()
}

/// The ids of all eBPF maps that there are.
pub fn map_ids() -> Vec<u32> {
    ids(MAP_GET_NEXT_ID)
}

/// Descriptors of all eBPF maps that there are.
pub fn maps() -> Vec<OwnedFd> {
    all(MAP_GET_NEXT_ID, MAP_GET_FD_BY_ID)
}

/// Descriptors of all attachments of eBPF programs that are objects of their own: on 5.10 not those
/// of kprobes.
pub fn links() -> Vec<OwnedFd> {
    all(LINK_GET_NEXT_ID, LINK_GET_FD_BY_ID)
}

/// The ids of all eBPF programs that there are.
pub fn programs() -> Vec<u32> {
    ids(PROG_GET_NEXT_ID)
}

/// The type of a program, of `enum bpf_prog_type`; `None` if it is gone. Member of
/// `struct bpf_prog_info`.
pub fn program_type(id: u32) -> Option<u32> {
    let [kind, _] = info(&by_id(PROG_GET_FD_BY_ID, id)?);
    Some(kind)
}

/// The name of a program, of which the kernel keeps 15 bytes; `None` if it is gone. Member of
/// `struct bpf_prog_info`.
pub fn program_name(id: u32) -> Option<String> {
    let words: [u32; 20] = info(&by_id(PROG_GET_FD_BY_ID, id)?);
    let name: Vec<u8> = words[16..].iter().copied().flat_map(u32::to_ne_bytes).collect();
    Some(String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned())
}

/// How often the kernel skipped a program, as the same program was running on that processor; `None` if it is gone.
/// Member of `struct bpf_prog_info` (5.12; before, nothing is written there).
pub fn program_misses(id: u32) -> Option<u64> {
    let words: [u32; 54] = info(&by_id(PROG_GET_FD_BY_ID, id)?);
    Some(u64::from(words[53]) << 32 | u64::from(words[52]))
}

/// The name of a map and the bytes of a value in it: members of `struct bpf_map_info`.
pub fn name_and_value_size(map: &OwnedFd) -> (String, usize) {
    let [_, _, _, value_size, _, _, name @ ..]: [u32; 10] = info(map);
    let name: Vec<u8> = name.into_iter().flat_map(u32::to_ne_bytes).collect();
    let name = String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned();
    (name, value_size as usize)
}

/// The first words of what the kernel tells of an object.
fn info<const N: usize>(object: &OwnedFd) -> [u32; N] {
    #[repr(C)]
    struct InfoByFd {
        fd: u32,
        length: u32,
        info: u64,
    }
    let mut info = [0; N];
    let mut attr = InfoByFd {
        fd: object.as_raw_fd().cast_unsigned(),
        length: size_of_val(&info) as u32,
        info: (&raw mut info) as u64,
    };
    // SAFETY: the kernel writes as many bytes as are said to be there.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut attr) }
        .unwrap_or_else(|error| panic!("an object does not tell of itself: {error}"));
    info
}

/// Writes an element of an array, or of a hash whose keys are numbers.
pub fn write(map: &OwnedFd, index: u32, value: &[u8]) {
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
pub fn pin(object: &OwnedFd, path: &Path) {
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

/// The object of an id; `None` if it is gone.
fn by_id(command: i32, id: u32) -> Option<OwnedFd> {
    // SAFETY: no pointers; the descriptor is new, and nobody else's.
    unsafe {
        Some(OwnedFd::from_raw_fd(bpf(command, &mut Id { id, next_id: 0, open_flags: 0 }).ok()?))
    }
}

fn all(next: i32, open: i32) -> Vec<OwnedFd> {
    ids(next).into_iter().filter_map(|id| by_id(open, id)).collect()
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
