//! `SFD_*`, the flags of signalfd4.

use super::FlagTable;

/// Flags of signalfd4 (`include/uapi/linux/signalfd.h`).
pub static SFD: FlagTable = FlagTable(&[(0x800, "SFD_NONBLOCK"), (0x8_0000, "SFD_CLOEXEC")]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_libc() {
        for (name, bit) in
            [("SFD_NONBLOCK", libc::SFD_NONBLOCK), ("SFD_CLOEXEC", libc::SFD_CLOEXEC)]
        {
            assert_eq!(SFD.bit(name), Some(u64::from(bit.cast_unsigned())), "{name}");
        }
    }
}
