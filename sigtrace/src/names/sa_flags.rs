//! `SA_*`, the flags of a signal's action.

use super::FlagTable;

/// `sa_flags` (`include/uapi/asm-generic/signal-defs.h`, `arch/*/include/uapi/asm/signal.h`; the
/// last three, which the kernel keeps to itself, `include/linux/signal_types.h` and
/// `arch/x86/include/asm/signal.h`).
pub static SA: FlagTable = FlagTable(&[
    (0x0400_0000, "SA_RESTORER"),
    (0x0800_0000, "SA_ONSTACK"),
    (0x1000_0000, "SA_RESTART"),
    (0x2000_0000, "SA_INTERRUPT"),
    (0x4000_0000, "SA_NODEFER"),
    (0x8000_0000, "SA_RESETHAND"),
    (0x0000_0004, "SA_SIGINFO"),
    (0x0000_0001, "SA_NOCLDSTOP"),
    (0x0000_0002, "SA_NOCLDWAIT"),
    (0x0000_0400, "SA_UNSUPPORTED"),
    (0x0000_0800, "SA_EXPOSE_TAGBITS"),
    (0x0080_0000, "SA_IMMUTABLE"),
    (0x0100_0000, "SA_X32_ABI"),
    (0x0200_0000, "SA_IA32_ABI"),
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_libc() {
        for (name, bit) in [
            ("SA_NOCLDSTOP", libc::SA_NOCLDSTOP),
            ("SA_NOCLDWAIT", libc::SA_NOCLDWAIT),
            ("SA_SIGINFO", libc::SA_SIGINFO),
            ("SA_ONSTACK", libc::SA_ONSTACK),
            ("SA_RESTART", libc::SA_RESTART),
            ("SA_NODEFER", libc::SA_NODEFER),
            ("SA_RESETHAND", libc::SA_RESETHAND),
        ] {
            assert_eq!(SA.bit(name), Some(u64::from(bit.cast_unsigned())), "{name}");
        }
    }
}
