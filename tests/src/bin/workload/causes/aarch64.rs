//! What takes instructions of aarch64. It has no fault for a division by zero, whose result is zero.

use std::arch::asm;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::own_doing::Way;

/// Faults that not every machine has, or that come of an instruction.
pub(super) const FAULTS: &[Way] = &[
    ("instruction", |at| {
        // SAFETY: it writes the instruction's address to where there is room; then the process ends.
        unsafe {
            asm!("adr {a}, 2f", "str {a}, [{at}]", "2: udf #0", a = out(reg) _, at = in(reg) at.as_ptr());
        }
    }),
    ("breakpoint", |at| {
        // SAFETY: likewise.
        unsafe {
            asm!("adr {a}, 2f", "str {a}, [{at}]", "2: brk #0", a = out(reg) _, at = in(reg) at.as_ptr());
        }
    }),
    ("privilege", |at| {
        // SAFETY: likewise. Only the kernel may mask interrupts.
        unsafe {
            asm!("adr {a}, 2f", "str {a}, [{at}]", "2: msr daifset, #2", a = out(reg) _, at = in(reg) at.as_ptr());
        }
    }),
    ("alignment", load_from_between),
    ("tagged", read_by_tag),
    ("memory_tag", read_by_wrong_tag),
];

/// Of a load that has to be of its own size's multiple.
fn load_from_between(at: &AtomicU64) {
    let place = ptr::from_ref(at).addr() as u64 + 1;
    at.store(place, Ordering::Relaxed);
    // SAFETY: there is that memory, at an address at which it must not be loaded so.
    unsafe { asm!("ldxr {value}, [{place}]", value = out(reg) _, place = in(reg) place) }
}

/// The upper byte of an address is not looked at. It is sent with the signal, though a handler is only told of it if
/// it asks (`SA_EXPOSE_TAGBITS`).
fn read_by_tag(at: &AtomicU64) {
    const TAGGED: usize = 0x5a << 56 | 16;
    at.store(TAGGED as u64, Ordering::Relaxed);
    // SAFETY: none, which is the point.
    unsafe { ptr::without_provenance_mut::<u8>(TAGGED).read_volatile() };
}

/// Memory has tags of its own (`Documentation/arch/arm64/memory-tagging-extension.rst`), which an address has to have,
/// too. The signal has the address as it was used, its tag included.
fn read_by_wrong_tag(at: &AtomicU64) {
    /// `arch/arm64/include/uapi/asm/mman.h`.
    const PROT_MTE: i32 = 0x20;
    /// `include/uapi/linux/prctl.h`: `PR_TAGGED_ADDR_ENABLE` and `PR_MTE_TCF_SYNC`.
    const PR_SET_TAGGED_ADDR_CTRL: i32 = 55;
    const HOW: libc::c_ulong = 1 << 0 | 1 << 1;
    const PAGE: usize = 64 << 10;
    let prot = libc::PROT_READ | libc::PROT_WRITE | PROT_MTE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: new memory; the calls take no other. It has the tag 0.
    let memory = unsafe {
        assert_eq!(libc::prctl(PR_SET_TAGGED_ADDR_CTRL, HOW, 0, 0, 0), 0, "no MTE");
        libc::mmap(ptr::null_mut(), PAGE, prot, flags, -1, 0)
    };
    assert_ne!(memory, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    let tagged = memory.map_addr(|address| address + 32 | 0x5 << 56);
    at.store(tagged.addr() as u64, Ordering::Relaxed);
    // SAFETY: none, which is the point.
    unsafe { tagged.cast::<u8>().read_volatile() };
}

/// Calls getppid, and notes where from: the address after the instruction.
pub(super) fn getppid(at: &AtomicU64) {
    // SAFETY: it writes to where there is room, and makes a call that touches no memory.
    unsafe {
        asm!(
            "adr {a}, 2f",
            "str {a}, [{at}]",
            "svc #0",
            "2:",
            a = out(reg) _,
            at = in(reg) at.as_ptr(),
            in("x8") libc::SYS_getppid,
            lateout("x0") _,
        );
    }
}
