//! Where a program keeps what it finds out. The verifier forgets what is kept here, and so does not go through all
//! that follows anew for each of the ways that the facts can turn out.

use core::ffi::c_void;

use aya_ebpf::{macros::map, maps::PerCpuArray};
use sigtrace_common::KERNEL_SIGINFO_SIZE;

use super::info;
use crate::atomic::add_u32;

/// What is found out.
#[repr(C)]
struct Facts {
    /// Numbers, or what were addresses.
    word: u64,
    /// Bits of [`fact`](sigtrace_common::fact).
    facts: u32,
    /// How many programs claim it. Where spinlocks sleep, one can be preempted by another.
    claims: u32,
    /// What comes with the signal.
    info: [u64; KERNEL_SIGINFO_SIZE / 8],
}

#[map]
static FACTS: PerCpuArray<Facts> = PerCpuArray::with_max_entries(1, 0);

/// The processor's own. It has to be given back.
#[derive(Clone, Copy)]
pub struct Scratch(*mut Facts);

impl Scratch {
    /// Claims it, with no facts; `None` if another program has it.
    #[inline(always)]
    pub fn claim() -> Option<Self> {
        let facts = FACTS.get_ptr_mut(0)?;
        // SAFETY: aligned members of the map's element; volatile, as others change them.
        unsafe {
            let claims = &raw mut (*facts).claims;
            add_u32(claims, 1);
            if claims.read_volatile() != 1 {
                add_u32(claims, -1);
                return None;
            }
            (&raw mut (*facts).facts).write_volatile(0);
        }
        Some(Self(facts))
    }

    /// Gives it back.
    #[inline(always)]
    pub fn release(self) {
        // SAFETY: an aligned member of the map's element.
        unsafe { add_u32(&raw mut (*self.0).claims, -1) };
    }

    /// Reads the `kernel_siginfo` at an address, or has zeros in its place.
    #[inline(always)]
    pub fn read_info(self, info: u64, is_there: bool) {
        // SAFETY: likewise; room for it.
        unsafe { info::copy((&raw mut (*self.0).info).cast::<u64>(), info, is_there) };
    }

    /// A word of that.
    #[inline(always)]
    pub fn info(self, index: usize) -> u64 {
        // SAFETY: likewise.
        unsafe { (&raw const (*self.0).info[index]).read_volatile() }
    }

    /// Notes that something is so, if it is.
    #[inline(always)]
    pub fn set(self, fact: u32, is: bool) {
        if is {
            // SAFETY: as above, and nobody else has it.
            unsafe {
                let facts = &raw mut (*self.0).facts;
                facts.write_volatile(facts.read_volatile() | fact);
            }
        }
    }

    /// All that is so.
    #[inline(always)]
    pub fn facts(self) -> u32 {
        // SAFETY: likewise.
        unsafe { (&raw const (*self.0).facts).read_volatile() }
    }

    /// Whether any of these is so.
    #[inline(always)]
    pub fn has(self, facts: u32) -> bool {
        self.facts() & facts != 0
    }

    /// A number, of which the verifier and the compiler know nothing any more.
    #[inline(always)]
    pub fn forget(self, number: u64) -> u64 {
        // SAFETY: likewise.
        unsafe {
            let word = &raw mut (*self.0).word;
            word.write_volatile(number);
            word.read_volatile()
        }
    }

    /// The number that is an address.
    #[inline(always)]
    pub fn number(self, address: *mut c_void) -> u64 {
        // SAFETY: likewise.
        unsafe {
            let word = &raw mut (*self.0).word;
            word.cast::<*mut c_void>().write_volatile(address);
            word.read_volatile()
        }
    }
}
