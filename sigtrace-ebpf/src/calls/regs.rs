//! The caller's registers: the syscall entry stub gets a pointer to its `struct pt_regs`.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
#[cfg(bpf_target_arch = "aarch64")]
use sigtrace_common::regs::aarch64;
#[cfg(bpf_target_arch = "x86_64")]
use sigtrace_common::regs::x86;
use sigtrace_common::{Capture, Frame, MAX_ARGS, Record, flag};

use super::{enter::Source, user};
use crate::{
    abi::NATIVE,
    kernel::{load, task},
    shapes::{ShapeRef, get, has},
};

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

impl<const TYPED: bool> Source for UserRegs<TYPED> {
    #[inline(always)]
    fn args(&self, count: usize) -> Option<[u64; MAX_ARGS]> {
        if !self.is_compat {
            return self.native(count);
        }
        self.compat(count).map(|args| args.map(|arg| arg & u64::from(u32::MAX)))
    }

    /// The symbol tells it, but for functions that serve callers of both kinds.
    #[inline(always)]
    fn abi(&self, shape: ShapeRef) -> u8 {
        let tells_more = !self.is_certain && has(shape, flag::SHARED);
        if self.is_compat || tells_more && self.has_compat_number(shape) {
            NATIVE.compat() as u8
        } else {
            get!(shape, abi)
        }
    }

    #[inline(always)]
    fn capture(&self, shape: ShapeRef, record: &mut Record) {
        let frame = get!(shape, frame);
        if frame == Frame::None as u8 {
            return;
        }
        if frame == Frame::Size as u8 {
            let size = get!(shape, set_size) as usize & (MAX_ARGS - 1);
            record.args[size] &= u64::from(u32::MAX);
            return;
        }
        let Some(sp) = self.register(stack_pointer(frame)) else { return };
        let [low, high] = mask_in(frame);
        let low = sp.wrapping_add(low);
        record.args[0] = low;
        // One after the other, or its halves apart.
        let high = if high == 0 { low.wrapping_add(4) } else { sp.wrapping_add(high) };
        let read = user::halves(&mut record.data, low, high);
        record.captures[0] = if read { Capture::Whole } else { Capture::Unreadable } as u8;
    }
}

/// Where the registers have the stack pointer of a caller with such a frame.
#[cfg(bpf_target_arch = "x86_64")]
#[inline(always)]
fn stack_pointer(_frame: u8) -> usize {
    x86::SP
}

/// Where the registers have the stack pointer of a caller with such a frame.
#[cfg(bpf_target_arch = "aarch64")]
#[inline(always)]
fn stack_pointer(frame: u8) -> usize {
    if frame == Frame::Native as u8 { aarch64::SP } else { aarch64::R13 }
}

/// Where the signal frame at the stack pointer keeps the mask to restore; the second, if its halves
/// are apart.
#[inline(always)]
fn mask_in(frame: u8) -> [u64; 2] {
    #[cfg(bpf_target_arch = "x86_64")]
    let (native, compat, old) =
        (x86::SIGFRAME_MASK, x86::SIGFRAME_MASK_I386, x86::OLD_SIGFRAME_MASK_I386);
    #[cfg(bpf_target_arch = "aarch64")]
    let (native, compat, old) =
        (aarch64::SIGFRAME_MASK, aarch64::SIGFRAME_MASK_ARM, aarch64::OLD_SIGFRAME_MASK_ARM);
    #[cfg(bpf_target_arch = "x86_64")]
    if frame == Frame::X32 as u8 {
        return [x86::SIGFRAME_MASK_X32, 0];
    }
    if frame == Frame::Native as u8 {
        [native, 0]
    } else if frame == Frame::Compat as u8 {
        [compat, 0]
    } else {
        old
    }
}

impl<const TYPED: bool> UserRegs<TYPED> {
    #[inline(always)]
    fn is_typed() -> bool {
        TYPED || task::is_direct()
    }

    /// The registers lie in the order of the arguments reversed, the fourth apart from the others.
    #[cfg(bpf_target_arch = "x86_64")]
    #[inline(always)]
    fn native(&self, count: usize) -> Option<[u64; MAX_ARGS]> {
        if Self::is_typed() {
            return Some(self.loaded(count, [x86::DI, x86::SI, x86::DX, x86::R10]));
        }
        let [r10, _r9, _r8, _ax, _cx, dx, si, di] = self.read(x86::R10)?;
        Some([di, si, dx, r10])
    }

    /// bx, cx, dx, si: in order, with others between the first two.
    #[cfg(bpf_target_arch = "x86_64")]
    #[inline(always)]
    fn compat(&self, count: usize) -> Option<[u64; MAX_ARGS]> {
        if Self::is_typed() {
            return Some(self.loaded(count, [x86::BX, x86::CX, x86::DX, x86::SI]));
        }
        let [bx, _r11, _r10, _r9, _r8, _ax, cx, dx, si] = self.read(x86::BX)?;
        Some([bx, cx, dx, si])
    }

    #[cfg(bpf_target_arch = "aarch64")]
    #[inline(always)]
    fn native(&self, count: usize) -> Option<[u64; MAX_ARGS]> {
        if Self::is_typed() {
            return Some(self.loaded(count, [0, 8, 16, 24].map(|offset| aarch64::X0 + offset)));
        }
        self.read(aarch64::X0)
    }

    #[cfg(bpf_target_arch = "aarch64")]
    #[inline(always)]
    fn compat(&self, count: usize) -> Option<[u64; MAX_ARGS]> {
        self.native(count)
    }

    /// Whether the call was made through the interface of 32-bit callers.
    #[inline(always)]
    fn has_compat_number(&self, shape: ShapeRef) -> bool {
        #[cfg(bpf_target_arch = "x86_64")]
        {
            self.register(x86::ORIG_AX)
                .is_some_and(|number| number == u64::from(get!(shape, compat_number)))
        }
        #[cfg(bpf_target_arch = "aarch64")]
        {
            let _ = shape;
            self.register(aarch64::PSTATE).is_some_and(|pstate| pstate & aarch64::PSTATE_32BIT != 0)
        }
    }

    #[inline(always)]
    fn register(&self, offset: usize) -> Option<u64> {
        if Self::is_typed() {
            // SAFETY: the pointer has a type.
            return Some(unsafe { load(self.regs, offset as u32) });
        }
        self.read::<1>(offset).map(|[register]| register)
    }

    #[inline(always)]
    fn loaded(&self, count: usize, offsets: [usize; MAX_ARGS]) -> [u64; MAX_ARGS] {
        // SAFETY: the pointer has a type.
        let register = |index: usize| unsafe { load(self.regs, offsets[index] as u32) };
        let up_to = |index: usize| if index < count { register(index) } else { 0 };
        [up_to(0), up_to(1), up_to(2), up_to(3)]
    }

    /// The destination starts uninitialised: zeroing it would be a call to a loop over its bytes.
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u64; N]> {
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

/// The low half of a register that carries an `int`.
#[inline(always)]
pub fn int(register: u64) -> i32 {
    register as i32
}
