//! The binary interface through which calls are made.
//!
//! A 64-bit program can make the calls of 32-bit programs, too, with their structures: by `int
//! 0x80`. And those of x32 programs, by a bit in the number. Here that is a state of the whole process,
//! so that one and the same workload can be run through any of them, and as a 32-bit program.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};

use sigtrace_tests::expect;

/// One of these.
static INTERFACE: AtomicU8 = AtomicU8::new(OWN);
const OWN: u8 = 0;
const INT80: u8 = 1;
const X32: u8 = 2;

thread_local! {
    /// Whether this thread makes something for the program's own interface just now.
    static NATIVELY: Cell<bool> = const { Cell::new(false) };
}

/// The interface that this thread makes calls through.
fn interface() -> u8 {
    if NATIVELY.get() { OWN } else { INTERFACE.load(Ordering::Relaxed) }
}

/// From now on makes calls as 32-bit programs do.
pub(crate) fn become_i386() {
    INTERFACE.store(if cfg!(target_arch = "x86_64") { INT80 } else { OWN }, Ordering::Relaxed);
}

/// From now on makes calls as x32 programs do.
#[cfg(target_arch = "x86_64")]
pub(crate) fn become_x32() {
    INTERFACE.store(X32, Ordering::Relaxed);
}

/// Whether calls are made by `int 0x80` from a 64-bit program.
pub(crate) fn is_int80() -> bool {
    interface() == INT80
}

/// Whether calls are made as x32 programs do.
pub(crate) fn is_x32() -> bool {
    interface() == X32
}

/// Whether pointers and longs have 32 bits in the calls' structures.
pub(crate) fn is_narrow() -> bool {
    cfg!(target_pointer_width = "32") || is_foreign()
}

/// Whether calls are made through another interface than the program's own.
pub(crate) fn is_foreign() -> bool {
    interface() != OWN
}

/// The name in events of the interface that a call is made through: x32 callers come as others do,
/// unless the call has a number of its own for them.
pub(crate) fn name_for(call: &str) -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if is_x32() && x32::number(call).is_some() {
        return "x32";
    }
    let _ = call;
    if is_int80() { "i386" } else { expect::abi() }
}

/// Makes something of a call for the program's own interface. A handler has to be set through that,
/// as it gets the frame of the interface it was set through.
pub(crate) fn natively<T>(what: impl FnOnce() -> T) -> T {
    let before = NATIVELY.replace(true);
    let result = what();
    NATIVELY.set(before);
    result
}

/// A number as an unsigned long, such as an address, carries it.
pub(crate) fn word(number: u64) -> u64 {
    if is_narrow() { number & u64::from(u32::MAX) } else { number }
}

/// A number as a long carries it.
pub(crate) fn long(number: i64) -> i64 {
    if is_narrow() { i64::from(number as i32) } else { number }
}

/// The bytes of these longs.
pub(crate) fn longs(longs: &[u64]) -> Vec<u8> {
    let size = if is_narrow() { 4 } else { 8 };
    longs.iter().flat_map(|long| long.to_le_bytes().into_iter().take(size)).collect()
}

/// Calls by `int 0x80`.
#[cfg(target_arch = "x86_64")]
pub(crate) mod int80 {
    use std::arch::asm;

    /// What the upper halves of the argument registers hold: the kernel ignores them.
    const GARBAGE: [u64; 4] =
        [0xdead_beef << 32, 0xffff_ffff << 32, 0x8000_0001 << 32, 0x7fff_fffe << 32];

    /// Makes the call with this number of the 32-bit interface. Returns all of `rax`.
    ///
    /// # Safety
    ///
    /// As is due to the call; its structures lie below 4 GiB.
    pub(crate) unsafe fn call(number: i64, registers: [u64; 4]) -> i64 {
        let argument = |index: usize| registers[index] & u64::from(u32::MAX) | GARBAGE[index];
        let result: i64;
        // SAFETY: the caller's promise. `rbx` is not to be had, so another takes its place for the
        // time; handlers that run meanwhile leave it as it was.
        unsafe {
            asm!(
                "xchg rbx, {bx}",
                "int 0x80",
                "xchg rbx, {bx}",
                bx = inout(reg) argument(0) => _,
                inlateout("rax") number => result,
                in("rcx") argument(1),
                in("rdx") argument(2),
                in("rsi") argument(3),
                out("r8") _,
                out("r9") _,
                out("r10") _,
                out("r11") _,
            );
        }
        result
    }

    /// The number of a call that 64-bit programs have, too
    /// (`arch/x86/entry/syscalls/syscall_32.tbl`).
    pub(crate) fn number(name: &str) -> i64 {
        match name {
            "restart_syscall" => 0,
            "read" => 3,
            "pause" => 29,
            "kill" => 37,
            "nanosleep" => 162,
            "rt_sigaction" => 174,
            "rt_sigprocmask" => 175,
            "rt_sigpending" => 176,
            "rt_sigtimedwait" => 177,
            "rt_sigqueueinfo" => 178,
            "rt_sigsuspend" => 179,
            "sigaltstack" => 186,
            "tkill" => 238,
            "tgkill" => 270,
            "signalfd" => 321,
            "signalfd4" => 327,
            "rt_tgsigqueueinfo" => 335,
            "pidfd_send_signal" => 424,
            "pidfd_open" => 434,
            _ => panic!("{name} has no number here: add it"),
        }
    }
}

/// The numbers of x32 programs' calls.
#[cfg(target_arch = "x86_64")]
pub(crate) mod x32 {
    /// Set in all of them (`arch/x86/include/uapi/asm/unistd.h`).
    pub(crate) const BIT: i64 = 0x4000_0000;

    /// The number of a call whose structures differ for x32 programs, without the bit
    /// (`arch/x86/entry/syscalls/syscall_64.tbl`).
    pub(crate) fn number(name: &str) -> Option<i64> {
        match name {
            "rt_sigaction" => Some(512),
            "rt_sigreturn" => Some(513),
            "rt_sigpending" => Some(522),
            "rt_sigtimedwait" => Some(523),
            "rt_sigqueueinfo" => Some(524),
            "sigaltstack" => Some(525),
            "rt_tgsigqueueinfo" => Some(536),
            _ => None,
        }
    }
}
