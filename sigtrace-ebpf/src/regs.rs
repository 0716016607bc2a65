//! The caller's registers: the syscall entry stub gets a pointer to its `struct pt_regs`.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
#[cfg(bpf_target_arch = "aarch64")]
use sigtrace_common::regs::aarch64;
#[cfg(bpf_target_arch = "x86_64")]
use sigtrace_common::regs::x86;
use sigtrace_common::{Abi, MAX_ARGS, SYSCALLS};

/// The caller's `struct pt_regs`, in kernel memory.
#[derive(Clone, Copy)]
pub struct UserRegs(pub *const u8);

impl UserRegs {
    /// The arguments of the call in row `ROW`; the rest is zero.
    #[inline(always)]
    pub fn args<const ROW: usize>(self) -> Option<[u64; MAX_ARGS]> {
        let count = const {
            let syscall = &SYSCALLS[ROW];
            // The mask of a signal frame is no argument.
            if syscall.position(sigtrace_common::Kind::Size).is_none()
                && matches!(syscall.outcome, sigtrace_common::Outcome::Nothing)
            {
                0
            } else {
                syscall.args.len()
            }
        };
        self.read_args(count)
    }

    /// The registers lie in the order of the arguments reversed, the fourth apart from the others:
    /// one read gets as many as are needed.
    #[cfg(bpf_target_arch = "x86_64")]
    #[inline(always)]
    fn read_args(self, count: usize) -> Option<[u64; MAX_ARGS]> {
        Some(match count {
            0 => [0; MAX_ARGS],
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

    #[cfg(bpf_target_arch = "aarch64")]
    #[inline(always)]
    fn read_args(self, count: usize) -> Option<[u64; MAX_ARGS]> {
        if count == 0 { Some([0; MAX_ARGS]) } else { self.read(aarch64::X0) }
    }

    /// Where the signal frame at the caller's stack pointer keeps the mask.
    #[inline(always)]
    pub fn frame_mask_address(self) -> Option<u64> {
        #[cfg(bpf_target_arch = "x86_64")]
        let (sp, mask) = (x86::SP, x86::SIGFRAME_MASK);
        #[cfg(bpf_target_arch = "aarch64")]
        let (sp, mask) = (aarch64::SP, aarch64::SIGFRAME_MASK);
        let [sp] = self.read(sp)?;
        Some(sp.wrapping_add(mask))
    }

    /// The binary interface of the call in row `ROW`. The symbol tells it, but for calls without
    /// arguments on x86: those have one function for both interfaces, and only the number is left.
    #[inline(always)]
    pub fn abi<const ROW: usize>(self) -> Abi {
        #[cfg(bpf_target_arch = "x86_64")]
        {
            let row = const { &SYSCALLS[ROW] };
            if row.args.is_empty()
                && let Some(entry) = &row.entries.i386
                && let Some([number]) = self.read(x86::ORIG_AX)
                && number == u64::from(entry.number)
            {
                return Abi::I386;
            }
            Abi::X86_64
        }
        #[cfg(bpf_target_arch = "aarch64")]
        Abi::Aarch64
    }

    /// The destination starts uninitialised: zeroing it would be a call to a loop over its bytes.
    #[inline(always)]
    fn read<const N: usize>(self, offset: usize) -> Option<[u64; N]> {
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
