//! `SS_*`, the flags of an alternate signal stack.

use super::FlagTable;

/// `ss_flags` (`include/uapi/linux/signal.h`). No flag means that the stack is, or is to be, set
/// and is not the one in use.
pub static SS: FlagTable =
    FlagTable(&[(1, "SS_ONSTACK"), (2, "SS_DISABLE"), (0x8000_0000, "SS_AUTODISARM")]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_libc() {
        for (name, bit) in [("SS_ONSTACK", libc::SS_ONSTACK), ("SS_DISABLE", libc::SS_DISABLE)] {
            assert_eq!(SS.bit(name), Some(u64::from(bit.cast_unsigned())), "{name}");
        }
    }
}
