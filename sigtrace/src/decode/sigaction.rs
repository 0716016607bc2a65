//! `struct sigaction`, in the kernel's layout (`include/linux/signal_types.h`), which is not that
//! of the C library.

use super::{Flags, SignalSet, bytes::Layout};
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
            handler: match layout.word(0, 0)? {
                0 => Handler::Default,
                1 => Handler::Ignore,
                address => Handler::Function(address),
            },
            flags: Flags { table: &SA, bits: significant(layout.word(8, 4)?) },
            restorer: layout.word(16, 8)?,
            mask: SignalSet(layout.set(24, 12)?),
        })
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
