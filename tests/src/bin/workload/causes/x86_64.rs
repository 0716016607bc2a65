//! What takes instructions of x86_64.

use std::arch::asm;
use std::sync::atomic::AtomicU64;

use super::own_doing::Way;

/// Faults that not every machine has, or that come of an instruction.
pub(super) const FAULTS: &[Way] = &[
    ("division", divide_by_zero),
    ("instruction", execute_nonsense),
    ("breakpoint", |_| {
        // SAFETY: none is needed: the process ends.
        unsafe { asm!("int3") }
    }),
    ("privilege", |_| {
        // SAFETY: likewise.
        unsafe { asm!("hlt") }
    }),
];

fn divide_by_zero(at: &AtomicU64) {
    // SAFETY: it writes the instruction's address to where there is room; then the process ends.
    unsafe {
        asm!(
            "lea {address}, [rip + 2f]",
            "mov [{at}], {address}",
            "2: div ecx",
            at = in(reg) at.as_ptr(),
            address = out(reg) _,
            in("ecx") 0,
            inout("eax") 1 => _,
            inout("edx") 0 => _,
        );
    }
}

fn execute_nonsense(at: &AtomicU64) {
    // SAFETY: as above.
    unsafe {
        asm!(
            "lea {address}, [rip + 2f]",
            "mov [{at}], {address}",
            "2: ud2",
            at = in(reg) at.as_ptr(),
            address = out(reg) _,
        );
    }
}

/// Calls getppid, and notes where from: the address after the instruction.
pub(super) fn getppid(at: &AtomicU64) {
    // SAFETY: it writes to where there is room, and makes a call that touches no memory.
    unsafe {
        asm!(
            "lea rcx, [rip + 2f]",
            "mov [{at}], rcx",
            "syscall",
            "2:",
            at = in(reg) at.as_ptr(),
            inout("rax") libc::SYS_getppid => _,
            out("rcx") _,
            out("r11") _,
        );
    }
}
