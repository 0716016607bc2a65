//! Reading the kernel's own memory.

pub mod files;
pub mod object;
pub mod other;
pub mod regs;
pub mod stack;
pub mod task;
pub mod vma;

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

/// Reads what is at an address; 0 if nothing is there, which so is what is read through a pointer that
/// could not be read: a chain of them needs no more than one look at its end.
#[inline(always)]
pub fn read<T: Copy>(address: u64) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper checks the source; the destination has the size given, and is written
    // whole, with zeroes if the helper fails. `T` is an integer or an array of them.
    unsafe {
        bpf_probe_read_kernel(
            value.as_mut_ptr().cast::<c_void>(),
            size_of::<T>() as u32,
            address as *const c_void,
        );
        value.assume_init()
    }
}

/// Reads a member of an object; 0 if there is no such object.
#[inline(always)]
pub fn member<T: Copy>(object: u64, offset: u32) -> T {
    read(object.wrapping_add(u64::from(offset)))
}

/// Reads a member through a pointer whose type the verifier knows: a load, of which it makes 0 if
/// the address is none. Volatile, as otherwise the compiler may join loads of neighbours.
///
/// # Safety
///
/// The program must have got `object` from where the verifier knows its type.
#[inline(always)]
pub unsafe fn load<T: Copy>(object: *const u8, offset: u32) -> T {
    // SAFETY: the verifier checks that there is such a member; what else can go wrong the kernel
    // handles.
    unsafe { object.add(offset as usize).cast::<T>().read_volatile() }
}
