//! Where a record of a length that is not known beforehand is put together.
//!
//! How many bytes there are is kept in the map, too: a number that comes from there the verifier knows nothing
//! about, so that it goes through a loop with one state, and the compiler does not do without the masks that
//! the verifier needs to see.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use sigtrace_common::{ARGS_ROOM, CGROUP_ROOM, EXE_ROOM, NAME_ROOM, Process, SCRIPT_ROOM};

/// Bytes behind the record of an execution: twice as many as the largest place in it, for a mask.
pub const LARGE: usize = 8192;
/// Behind that of a process that has no more than a control group.
pub const SMALL: usize = 2048;

/// A record, and what comes behind it.
#[repr(C)]
pub struct Scratch<Head, const SIZE: usize> {
    pub head: Head,
    data: [u8; SIZE],
    /// How many bytes there are behind the record.
    length: u32,
}

/// What became of something that was to be appended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    Whole,
    /// It was as long as there was room.
    Cut,
    /// It could not be read.
    Unreadable,
}

/// Begins a record.
#[inline(always)]
pub fn begin<Head, const SIZE: usize>(scratch: *mut Scratch<Head, SIZE>) {
    set_length(scratch, 0);
    // By the word: together it would be a call of memset, a loop for the verifier to go through.
    let words = size_of::<Head>() / 8;
    let mut i = 0;
    while i < words {
        // SAFETY: the record has so many words.
        unsafe { scratch.cast::<u64>().add(i).write_volatile(0) };
        i += 1;
    }
}

/// How many bytes there are behind the record.
#[inline(always)]
pub fn length<Head, const SIZE: usize>(scratch: *const Scratch<Head, SIZE>) -> u32 {
    // SAFETY: the program's own; volatile, see above.
    unsafe { (&raw const (*scratch).length).read_volatile() }
}

/// The same, for the verifier to see that it is no more than there is room.
#[inline(always)]
pub fn bounded_length<Head, const SIZE: usize>(scratch: *const Scratch<Head, SIZE>) -> u32 {
    length(scratch) & (SIZE as u32 - 1)
}

#[inline(always)]
fn set_length<Head, const SIZE: usize>(scratch: *mut Scratch<Head, SIZE>, length: u32) {
    // SAFETY: as above.
    unsafe { (&raw mut (*scratch).length).write_volatile(length) };
}

/// There are so many bytes more.
#[inline(always)]
pub fn add<Head, const SIZE: usize>(scratch: *mut Scratch<Head, SIZE>, bytes: u32) {
    set_length(scratch, length(scratch) + bytes);
}

/// Where the next byte comes to be: in the first half of the room.
#[inline(always)]
fn end<Head, const SIZE: usize>(scratch: *mut Scratch<Head, SIZE>) -> *mut u8 {
    let at = length(scratch) as usize & (SIZE / 2 - 1);
    // SAFETY: inside.
    unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at) }
}

/// Appends a name, with its NUL.
#[inline(always)]
pub fn append_name<Head, const SIZE: usize>(
    scratch: *mut Scratch<Head, SIZE>,
    name: u64,
) -> Appended {
    append::<Head, SIZE, NAME_ROOM>(scratch, name)
}

/// Appends the path of a script, likewise.
#[inline(always)]
pub fn append_script(scratch: *mut Scratch<Process, LARGE>, path: u64) -> Appended {
    append::<Process, LARGE, SCRIPT_ROOM>(scratch, path)
}

#[inline(always)]
fn append<Head, const SIZE: usize, const ROOM: usize>(
    scratch: *mut Scratch<Head, SIZE>,
    text: u64,
) -> Appended {
    let to = end(scratch).cast::<c_void>();
    // SAFETY: plain helper, which checks the source; the destination has the room, and is not the first byte
    // of the map's element: up to 6.1 the helper writes in front of it if the source cannot be read.
    let read = unsafe { bpf_probe_read_kernel_str(to, ROOM as u32, text as *const c_void) };
    if read <= 0 || read > ROOM as i64 {
        return Appended::Unreadable;
    }
    add(scratch, read as u32);
    if read == ROOM as i64 { Appended::Cut } else { Appended::Whole }
}

/// Where arguments come to be, and how many bytes of so many.
#[inline(always)]
pub fn room_for_arguments(scratch: *mut Scratch<Process, LARGE>, total: u64) -> (*mut u8, u32) {
    const MASK: u32 = ARGS_ROOM as u32 - 1;
    let size = if total > u64::from(MASK) { MASK } else { total as u32 };
    // SAFETY: the program's own; by way of the map, see above.
    let size = unsafe {
        let place = &raw mut (*scratch).head.flags;
        place.write_volatile(size);
        place.read_volatile() & MASK
    };
    (end(scratch), size)
}

const _: () = {
    let before_args = EXE_ROOM + SCRIPT_ROOM + CGROUP_ROOM + 2 * NAME_ROOM;
    assert!(before_args < LARGE / 2 && ARGS_ROOM <= LARGE / 2 && LARGE.is_power_of_two());
    assert!(CGROUP_ROOM <= SMALL / 2 && NAME_ROOM <= SMALL / 2 && SMALL.is_power_of_two());
};
