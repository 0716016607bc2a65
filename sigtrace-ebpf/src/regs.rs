//! The caller's registers: the syscall entry stub gets a pointer to its `struct pt_regs`.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
#[cfg(bpf_target_arch = "aarch64")]
use sigtrace_common::regs::aarch64;
#[cfg(bpf_target_arch = "x86_64")]
use sigtrace_common::regs::x86;
use sigtrace_common::{Abi, Access, Capture, MAX_ARGS, Outcome, Record, SYSCALLS};

use crate::{abi::NATIVE, capture::Source, user};

/// The `struct pt_regs` of a caller that came through the entry of row `ROW` for the binary
/// interface `ABI`, in kernel memory.
#[derive(Clone, Copy)]
pub struct UserRegs<const ROW: usize, const ABI: u8>(pub *const u8);

impl<const ROW: usize, const ABI: u8> Source for UserRegs<ROW, ABI> {
    #[inline(always)]
    fn args(&self) -> Option<[u64; MAX_ARGS]> {
        let count = const { SYSCALLS[ROW].registers() };
        if count == 0 {
            Some([0; MAX_ARGS])
        } else if ABI == NATIVE as u8 {
            self.native(count)
        } else {
            self.compat(count).map(|args| args.map(|arg| arg & u64::from(u32::MAX)))
        }
    }

    /// The symbol tells it, but for functions that serve callers of both kinds.
    #[inline(always)]
    fn abi(&self) -> Abi {
        if const { SYSCALLS[ROW].shares_entry(NATIVE) } && self.is_compat() {
            NATIVE.compat()
        } else if ABI == NATIVE as u8 {
            NATIVE
        } else {
            NATIVE.compat()
        }
    }

    #[inline(always)]
    fn look(&self, record: &mut Record, abi: Abi) {
        if const { !matches!(SYSCALLS[ROW].outcome, Outcome::Nothing) } {
            return;
        }
        let Some([sp]) = self.read(const { stack_pointer(ABI) }) else { return };
        let [low, high] = const { frame_mask(ROW, ABI) };
        record.args[0] = sp.wrapping_add(low);
        if const { frame_mask(ROW, ABI)[1] == 0 } {
            user::capture::<ROW>(record, abi, Access::Frame);
        } else {
            let read = user::halves(&mut record.data, record.args[0], sp.wrapping_add(high));
            record.captures[0] = if read { Capture::Whole } else { Capture::Unreadable } as u8;
        }
    }
}

/// Where the registers have the stack pointer of a caller through `abi`.
#[cfg(bpf_target_arch = "x86_64")]
const fn stack_pointer(_abi: u8) -> usize {
    x86::SP
}

/// Where the registers have the stack pointer of a caller through `abi`.
#[cfg(bpf_target_arch = "aarch64")]
const fn stack_pointer(abi: u8) -> usize {
    if abi == Abi::Arm as u8 { aarch64::R13 } else { aarch64::SP }
}

/// Where the signal frame at the stack pointer keeps the mask to restore: all of it, or its halves
/// apart. Native callers have no sigreturn, only rt_sigreturn.
const fn frame_mask(row: usize, abi: u8) -> [u64; 2] {
    #[cfg(bpf_target_arch = "x86_64")]
    let (native, compat, old) =
        (x86::SIGFRAME_MASK, x86::SIGFRAME_MASK_I386, x86::OLD_SIGFRAME_MASK_I386);
    #[cfg(bpf_target_arch = "aarch64")]
    let (native, compat, old) =
        (aarch64::SIGFRAME_MASK, aarch64::SIGFRAME_MASK_ARM, aarch64::OLD_SIGFRAME_MASK_ARM);
    if abi == NATIVE as u8 {
        [native, 0]
    } else if SYSCALLS[row].entries.get(NATIVE).is_some() {
        [compat, 0]
    } else {
        old
    }
}

impl<const ROW: usize, const ABI: u8> UserRegs<ROW, ABI> {
    /// The registers lie in the order of the arguments reversed, the fourth apart from the others:
    /// one read gets as many as are needed.
    #[cfg(bpf_target_arch = "x86_64")]
    #[inline(always)]
    fn native(&self, count: usize) -> Option<[u64; MAX_ARGS]> {
        Some(match count {
            1 => [self.read::<1>(x86::DI)?[0], 0, 0, 0],
            2 => {
                let [si, di] = self.read(x86::SI)?;
                [di, si, 0, 0]
            }
            3 => {
                let [dx, si, di] = self.read(x86::DX)?;
                [di, si, dx, 0]
            }
            _ => {
                let [r10, _r9, _r8, _ax, _cx, dx, si, di] = self.read(x86::R10)?;
                [di, si, dx, r10]
            }
        })
    }

    /// bx, cx, dx, si: in order, with others between the first two.
    #[cfg(bpf_target_arch = "x86_64")]
    #[inline(always)]
    fn compat(&self, count: usize) -> Option<[u64; MAX_ARGS]> {
        Some(match count {
            1 => [self.read::<1>(x86::BX)?[0], 0, 0, 0],
            2 | 3 => {
                let [bx, _r11, _r10, _r9, _r8, _ax, cx, dx] = self.read(x86::BX)?;
                [bx, cx, dx, 0]
            }
            _ => {
                let [bx, _r11, _r10, _r9, _r8, _ax, cx, dx, si] = self.read(x86::BX)?;
                [bx, cx, dx, si]
            }
        })
    }

    #[cfg(bpf_target_arch = "aarch64")]
    #[inline(always)]
    fn native(&self, _count: usize) -> Option<[u64; MAX_ARGS]> {
        self.read(aarch64::X0)
    }

    #[cfg(bpf_target_arch = "aarch64")]
    #[inline(always)]
    fn compat(&self, count: usize) -> Option<[u64; MAX_ARGS]> {
        self.native(count)
    }

    /// Whether the call was made through the interface of 32-bit callers.
    #[inline(always)]
    fn is_compat(&self) -> bool {
        #[cfg(bpf_target_arch = "x86_64")]
        {
            let compat = const { SYSCALLS[ROW].entries.get(Abi::I386) };
            match (compat, self.read(x86::ORIG_AX)) {
                (Some(entry), Some([number])) => number == u64::from(entry.number),
                _ => false,
            }
        }
        #[cfg(bpf_target_arch = "aarch64")]
        self.read(aarch64::PSTATE).is_some_and(|[pstate]| pstate & aarch64::PSTATE_32BIT != 0)
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
                self.0.add(offset).cast::<c_void>(),
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
