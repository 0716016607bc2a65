//! Numbers out of bytes, in this machine's order, at any alignment.

use sigtrace_common::Abi;

/// The `N` bytes at `offset`; `None` if there are fewer.
pub(super) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

pub(super) fn u16(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_ne_bytes)
}

pub(super) fn u32(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_ne_bytes)
}

pub(super) fn u64(bytes: &[u8], offset: usize) -> Option<u64> {
    array(bytes, offset).map(u64::from_ne_bytes)
}

pub(super) fn i16(bytes: &[u8], offset: usize) -> Option<i16> {
    array(bytes, offset).map(i16::from_ne_bytes)
}

pub(super) fn i32(bytes: &[u8], offset: usize) -> Option<i32> {
    array(bytes, offset).map(i32::from_ne_bytes)
}

pub(super) fn i64(bytes: &[u8], offset: usize) -> Option<i64> {
    array(bytes, offset).map(i64::from_ne_bytes)
}

/// A structure whose layout depends on the width of the caller's pointers.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    /// The structure.
    pub(super) bytes: &'a [u8],
    /// Whether pointers and longs have 64 bits.
    pub(super) wide: bool,
    /// Whether times have, too: they are no longs of x32 callers.
    pub(super) wide_times: bool,
}

impl<'a> Layout<'a> {
    /// That of a caller through this interface.
    pub(super) fn of(abi: Abi, bytes: &'a [u8]) -> Self {
        let wide = abi.is_64bit();
        Self { bytes, wide, wide_times: wide || abi == Abi::X32 }
    }

    /// A time, by its offset in the 64-bit and in the 32-bit layout, and in that of x32 callers.
    pub(super) fn time(self, wide: usize, narrow: usize, x32: usize) -> Option<i64> {
        if self.wide_times && !self.wide { i64(self.bytes, x32) } else { self.long(wide, narrow) }
    }

    /// An unsigned long or a pointer, by its offset in the 64-bit and in the 32-bit layout.
    pub(super) fn word(self, wide: usize, narrow: usize) -> Option<u64> {
        if self.wide { u64(self.bytes, wide) } else { u32(self.bytes, narrow).map(u64::from) }
    }

    /// A signed long.
    pub(super) fn long(self, wide: usize, narrow: usize) -> Option<i64> {
        if self.wide { i64(self.bytes, wide) } else { i32(self.bytes, narrow).map(i64::from) }
    }

    /// An unsigned int.
    pub(super) fn uint(self, wide: usize, narrow: usize) -> Option<u32> {
        u32(self.bytes, if self.wide { wide } else { narrow })
    }

    /// An int.
    pub(super) fn int(self, wide: usize, narrow: usize) -> Option<i32> {
        i32(self.bytes, if self.wide { wide } else { narrow })
    }

    /// A short.
    pub(super) fn short(self, wide: usize, narrow: usize) -> Option<i16> {
        i16(self.bytes, if self.wide { wide } else { narrow })
    }

    /// A signal set: 8 bytes in either layout, aligned to 4 in the 32-bit one.
    pub(super) fn set(self, wide: usize, narrow: usize) -> Option<u64> {
        u64(self.bytes, if self.wide { wide } else { narrow })
    }
}
