//! `struct sigaction`, in the kernel's layout (`include/linux/signal_types.h`), which is not that
//! of the C library.

use super::{
    Flags, SignalSet,
    bytes::{self, Layout},
};
use crate::names::sa_flags::SA;

/// What a signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sigaction {
    /// `sa_handler`, or `sa_sigaction` with `SA_SIGINFO`: the same word.
    pub handler: Handler,
    /// `sa_flags`.
    pub flags: Flags,
    /// `sa_restorer`, the code that handlers return to; 0 without one.
    pub restorer: u64,
    /// `sa_mask`, the signals to block while the handler runs.
    pub mask: SignalSet,
}

/// What to do with a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// `SIG_DFL`: what the system does by default.
    Default,
    /// `SIG_IGN`: nothing.
    Ignore,
    /// Call the function at this address.
    Function(u64),
}

impl Sigaction {
    pub(super) fn decode(layout: Layout<'_>) -> Option<Self> {
        Some(Self {
            handler: Handler::new(layout.word(0, 0)?),
            flags: Flags { table: &SA, bits: significant(layout.word(8, 4)?) },
            restorer: layout.word(16, 8)?,
            mask: SignalSet::Whole(layout.set(24, 12)?),
        })
    }

    /// `struct compat_old_sigaction` (`include/linux/compat.h`), which only 32-bit callers have.
    pub(super) fn decode_old(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            handler: Handler::new(bytes::u32(bytes, 0)?.into()),
            flags: Flags { table: &SA, bits: bytes::u32(bytes, 8)?.into() },
            restorer: bytes::u32(bytes, 12)?.into(),
            mask: SignalSet::Old(bytes::u32(bytes, 4)?),
        })
    }
}

impl Handler {
    /// The address of the function that it calls, if it calls one.
    pub fn address(self) -> Option<u64> {
        match self {
            Self::Function(address) => Some(address),
            Self::Default | Self::Ignore => None,
        }
    }

    /// By its word.
    pub(super) fn new(word: u64) -> Self {
        match word {
            0 => Self::Default,
            1 => Self::Ignore,
            address => Self::Function(address),
        }
    }
}

/// The flags fit in 32 bits, but C libraries sign-extend their `int` into the kernel's long. An
/// upper half that is more than that is kept.
fn significant(flags: u64) -> u64 {
    let low = flags & u64::from(u32::MAX);
    let sign_extended = (low << 32).cast_signed() >> 32;
    if flags == sign_extended.cast_unsigned() { low } else { flags }
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn a_sign_extended_flag_word_loses_its_upper_half() {
        assert_eq!(significant(0xffff_ffff_8400_0000), 0x8400_0000);
    }

    #[test]
    fn any_other_upper_half_is_kept() {
        for flags in [0, 4, 0x8400_0000, 0xffff_ffff_0400_0000, 0x1_0400_0000, u64::MAX << 32] {
            assert_eq!(significant(flags), flags);
        }
    }
}
