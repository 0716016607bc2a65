//! What is told of code that events name by its address: a handler, an instruction that faults.

use core::mem::{offset_of, size_of};

use crate::Header;

/// Where code is: a record of the kind [`Mapping`](crate::RecordKind::Mapping). It comes before the record of the event
/// that has the address. Native byte order, no padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Mapping {
    /// What every record begins with.
    pub header: Header,
    /// That of the event, or in the call that the event is: nanoseconds of `CLOCK_BOOTTIME`.
    pub time_ns: u64,
    /// The address, in the memory of the thread's process.
    pub address: u64,
    /// The [`File::token`] of the file that is mapped there; 0 if none is.
    pub file: u64,
    /// How far the address is into the file, in bytes. Without a meaning if there is none.
    pub offset: u64,
    /// The thread's id in the initial pid namespace.
    pub tid: u32,
    /// Zero.
    pub reserved: u32,
}

/// A file that code is mapped from: a record of the kind [`File`](crate::RecordKind::File). It comes before the first
/// [`Mapping`] that refers to it, and again when a while has passed since. Likewise.
///
/// After it come the names that its path consists of, from the last to the first, each with a NUL behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct File {
    /// What every record begins with.
    pub header: Header,
    /// What mappings call it: made of what the file is and of what it is called, so that another file never has
    /// the same, nor the same one with another name.
    pub token: u64,
    /// `inode.i_ino`.
    pub inode: u64,
    /// `super_block.s_dev`: the number of the device, as the kernel has it.
    pub device: u32,
    /// [`Process::EXE`](crate::Process::EXE) and [`Process::EXE_DELETED`](crate::Process::EXE_DELETED), of this file.
    pub flags: u32,
}

const _: () = {
    assert!(offset_of!(Mapping, time_ns) == 8);
    assert!(offset_of!(Mapping, address) == 16);
    assert!(offset_of!(Mapping, file) == 24);
    assert!(offset_of!(Mapping, offset) == 32);
    assert!(offset_of!(Mapping, tid) == 40);
    assert!(offset_of!(Mapping, reserved) == 44);
    assert!(size_of::<Mapping>() == 48);
    assert!(offset_of!(File, token) == 8);
    assert!(offset_of!(File, inode) == 16);
    assert!(offset_of!(File, device) == 24);
    assert!(offset_of!(File, flags) == 28);
    assert!(size_of::<File>() == 32);
};
