//! Reading the kernel's own memory.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

/// Reads what is at an address.
#[inline(always)]
pub fn read<T: Copy>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper checks the source; the destination has the size given, and is written
    // whole if the helper succeeds (and zeroed if not). `T` is an integer or an array of them.
    unsafe {
        let failed = bpf_probe_read_kernel(
            value.as_mut_ptr().cast::<c_void>(),
            size_of::<T>() as u32,
            address as *const c_void,
        );
        if failed == 0 { Some(value.assume_init()) } else { None }
    }
}

/// Reads a member of an object.
#[inline(always)]
pub fn member<T: Copy>(object: u64, offset: u32) -> Option<T> {
    read(object.wrapping_add(u64::from(offset)))
}
