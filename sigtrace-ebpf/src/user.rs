//! The structures behind pointer arguments, in the caller's memory.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use sigtrace_common::{Abi, Access, Arg, Capture, DATA_SIZE, Kind, Record, SYSCALLS};

/// Captures every structure of row `ROW` that goes the way of `access`.
#[inline(always)]
pub fn capture<const ROW: usize>(record: &mut Record, abi: Abi, access: Access) {
    // Unrolled by hand: each argument's kind and place must be constants.
    argument::<ROW, 0>(record, abi, access);
    argument::<ROW, 1>(record, abi, access);
    argument::<ROW, 2>(record, abi, access);
    argument::<ROW, 3>(record, abi, access);
}

/// Reads again the inputs that were not resident at entry: the kernel has brought them in since.
#[inline(always)]
pub fn capture_again<const ROW: usize>(record: &mut Record, abi: Abi) {
    again::<ROW, 0>(record, abi);
    again::<ROW, 1>(record, abi);
    again::<ROW, 2>(record, abi);
    again::<ROW, 3>(record, abi);
}

#[inline(always)]
fn argument<const ROW: usize, const INDEX: usize>(record: &mut Record, abi: Abi, access: Access) {
    if let Some(arg) = const { structure(ROW, INDEX) }
        && arg.access as u8 == access as u8
    {
        record.captures[INDEX] = read::<ROW, INDEX>(record, arg, abi) as u8;
    }
}

#[inline(always)]
fn again<const ROW: usize, const INDEX: usize>(record: &mut Record, abi: Abi) {
    if let Some(arg) = const { structure(ROW, INDEX) }
        && matches!(arg.access, Access::In)
        && record.captures[INDEX] == Capture::Unreadable as u8
    {
        record.captures[INDEX] = read::<ROW, INDEX>(record, arg, abi) as u8;
    }
}

/// The argument with this index, if it leads to a structure.
const fn structure(row: usize, index: usize) -> Option<&'static Arg> {
    match SYSCALLS[row].arg(index) {
        Some(arg) if arg.kind.size() > 0 => Some(arg),
        _ => None,
    }
}

#[inline(always)]
fn read<const ROW: usize, const INDEX: usize>(
    record: &mut Record,
    arg: &'static Arg,
    abi: Abi,
) -> Capture {
    let row = const { &SYSCALLS[ROW] };
    let offset = const { SYSCALLS[ROW].data_offset(INDEX) };
    let address = record.args[INDEX];
    if address == 0 {
        return Capture::None;
    }
    let mut size = arg.kind.size_under(abi) as u32;
    // The kernel looks at the size before it reads a set, or an action with the set in it.
    if matches!(arg.kind, Kind::SignalSet | Kind::Sigaction)
        && let Some(index) = row.set_size
    {
        let given = record.args[index];
        match arg.access {
            // rt_sigpending alone takes less than a whole set, and writes as much as it was asked.
            Access::Out if given < 8 && matches!(arg.kind, Kind::SignalSet) => {
                // SAFETY: a set is 8 bytes at a multiple of 8.
                unsafe { record.data.as_mut_ptr().add(offset).cast::<u64>().write(0) };
                size = given as u32 & 7;
            }
            _ if given != 8 => return Capture::None,
            _ => {}
        }
    }
    // SAFETY: `data` has room for every structure of the row (asserted in the common crate); the
    // helper checks the source.
    let failed = unsafe {
        bpf_probe_read_user(
            record.data.as_mut_ptr().add(offset).cast::<c_void>(),
            size,
            address as *const c_void,
        )
    };
    if failed == 0 { Capture::Whole } else { Capture::Unreadable }
}

/// The signal set captured for argument `INDEX` of row `ROW`, if it was.
#[inline(always)]
pub fn set<const ROW: usize, const INDEX: usize>(record: &Record) -> u64 {
    let offset = const { SYSCALLS[ROW].data_offset(INDEX) };
    // SAFETY: a set is 4 or 8 bytes at a multiple of 8.
    unsafe {
        let start = record.data.as_ptr().add(offset);
        if const { SYSCALLS[ROW].has(INDEX, Kind::OldSignalSet) } {
            u64::from(start.cast::<u32>().read())
        } else {
            start.cast::<u64>().read()
        }
    }
}

/// Reads a set whose halves are at two addresses. Says whether both could be read.
#[inline(always)]
pub fn halves(data: &mut [u8; DATA_SIZE], low: u64, high: u64) -> bool {
    let start = data.as_mut_ptr().cast::<c_void>();
    // SAFETY: `data` has room for a set; the helper checks the source.
    unsafe {
        bpf_probe_read_user(start, 4, low as *const c_void) == 0
            && bpf_probe_read_user(start.add(4), 4, high as *const c_void) == 0
    }
}
