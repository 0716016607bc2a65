//! What comes with a signal.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use sigtrace_common::KERNEL_SIGINFO_SIZE;

use crate::kernel::read;

/// `SI_TIMER` (`include/uapi/asm-generic/siginfo.h`).
const SI_TIMER: u32 = -2_i32 as u32;

/// Odd numbers, so that nothing is lost.
const FACTORS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9];

/// What a siginfo says, in short: 0 of one that is not known.
#[derive(Clone, Copy)]
pub struct Digest(u64);

impl Digest {
    /// That of no siginfo.
    pub const UNKNOWN: Self = Self(0);

    /// That of the `kernel_siginfo` at an address: of its signal, its code, and the two words behind these, which
    /// tell who sent it and with what value.
    #[inline(always)]
    pub fn at(info: u64) -> Self {
        Self::of_words(read(info))
    }

    /// That of these words, its first ones.
    #[inline(always)]
    pub fn of_words([numbers, code, first, second]: [u64; 4]) -> Self {
        let code = code as u32;
        // How often a timer ran out is found out as its signal is taken.
        let first = if code == SI_TIMER { u64::from(first as u32) } else { first };
        let mixed = (numbers ^ u64::from(code) << 32).wrapping_mul(FACTORS[0])
            ^ first.wrapping_mul(FACTORS[1])
            ^ second.wrapping_mul(FACTORS[2]).rotate_left(17);
        Self(mixed | 1)
    }

    /// One that was kept as a word.
    #[inline(always)]
    pub fn of(word: u64) -> Self {
        Self(word)
    }

    /// As a word.
    #[inline(always)]
    pub fn word(self) -> u64 {
        self.0
    }

    /// Whether what was sent with this can be what is taken with another.
    #[inline(always)]
    pub fn may_be(self, taken: Self) -> bool {
        self.0 == 0 || self.0 == taken.0
    }
}

/// Writes down the `kernel_siginfo` at an address; zeros if there is none.
///
/// # Safety
///
/// There must be room for it.
#[inline(always)]
pub unsafe fn copy(to: *mut u64, info: u64, is_there: bool) {
    let size = KERNEL_SIGINFO_SIZE as u32;
    // SAFETY: the caller's promise; the helper checks the source.
    unsafe {
        if is_there {
            bpf_probe_read_kernel(to.cast::<c_void>(), size, info as *const c_void);
            return;
        }
        // Volatile, as otherwise the compiler makes a loop of it.
        let mut i = 0;
        while i < KERNEL_SIGINFO_SIZE / 8 {
            to.add(i).write_volatile(0);
            i += 1;
        }
    }
}
