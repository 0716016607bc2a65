//! A caller's registers: the syscall entry stub gets a pointer to its `struct pt_regs`.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use sigtrace_common::MAX_ARGS;

use super::{load, task};

/// The `struct pt_regs` of a caller in kernel memory, and whether it is a 32-bit one, as far as the
/// place tells where it came in. `TYPED` says that the pointer has its type whatever else the kernel
/// allows.
#[derive(Clone, Copy)]
pub struct UserRegs<const TYPED: bool> {
    /// Where they are.
    pub regs: *const u8,
    /// Whether the caller came in through the interface of 32-bit callers.
    pub is_compat: bool,
    /// Whether that is all there is to say about it.
    pub is_certain: bool,
}

impl<const TYPED: bool> UserRegs<TYPED> {
    /// Whether registers can be loaded.
    #[inline(always)]
    pub fn is_typed() -> bool {
        TYPED || task::is_direct()
    }

    /// The register at this offset, if it can be read.
    #[inline(always)]
    pub fn register(&self, offset: usize) -> Option<u64> {
        if Self::is_typed() {
            // SAFETY: the pointer has a type.
            return Some(unsafe { load(self.regs, offset as u32) });
        }
        self.read::<1>(offset).map(|[register]| register)
    }

    /// The first so many of the registers at these offsets; only where [`is_typed`](Self::is_typed).
    #[inline(always)]
    pub fn loaded(&self, count: usize, offsets: [usize; MAX_ARGS]) -> [u64; MAX_ARGS] {
        // SAFETY: the pointer has a type.
        let register = |index: usize| unsafe { load(self.regs, offsets[index] as u32) };
        let up_to = |index: usize| if index < count { register(index) } else { 0 };
        [up_to(0), up_to(1), up_to(2), up_to(3)]
    }

    /// Registers that lie one after the other from this offset on, if they can be read.
    ///
    /// The destination starts uninitialised: zeroing it would be a call to a loop over its bytes.
    #[inline(always)]
    pub fn read<const N: usize>(&self, offset: usize) -> Option<[u64; N]> {
        let mut registers = MaybeUninit::<[u64; N]>::uninit();
        // SAFETY: the helper checks the source; the destination has the size given, and is written
        // whole if the helper succeeds (and zeroed if not).
        unsafe {
            let failed = bpf_probe_read_kernel(
                registers.as_mut_ptr().cast::<c_void>(),
                (N * 8) as u32,
                self.regs.add(offset).cast::<c_void>(),
            );
            if failed == 0 { Some(registers.assume_init()) } else { None }
        }
    }
}
