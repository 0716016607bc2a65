//! Numbers in hexadecimal.

use std::fmt;

/// The digits of 64 bits.
const DIGITS: usize = 16;

/// A one in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// `0x`, then the digits of the number, at least as many as asked for.
#[derive(Clone, Copy)]
pub(super) struct Hex {
    text: [u8; DIGITS + 2],
    start: usize,
}

impl Hex {
    /// An address, or bits no name covers.
    pub(super) fn new(number: u64) -> Self {
        Self::padded(number, 1)
    }

    /// The 32 bits of an `int`.
    pub(super) fn int(number: i32) -> Self {
        Self::new(number.cast_unsigned().into())
    }

    /// A whole 64-bit mask.
    pub(super) fn mask(number: u64) -> Self {
        Self::padded(number, DIGITS)
    }

    fn padded(number: u64, digits: usize) -> Self {
        let significant = (u64::BITS - number.leading_zeros()).div_ceil(4) as usize;
        let start = DIGITS - significant.max(digits);
        let mut text = [0; DIGITS + 2];
        text[2..10].copy_from_slice(&eight((number >> 32) as u32));
        text[10..].copy_from_slice(&eight(number as u32));
        text[start..start + 2].copy_from_slice(b"0x");
        Self { text, start }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Its bytes, which are ASCII.
    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.get(self.start..).unwrap_or_default()
    }
}

/// The eight digits of a number, worked out all at once: each half of what is there is moved apart from the other
/// until there is one digit a byte.
fn eight(number: u32) -> [u8; 8] {
    let number = u64::from(number);
    let fours = (number | number << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (fours | fours << 8) & 0x00ff_00ff_00ff_00ff;
    let digits = (pairs | pairs << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // One where the digit is a letter.
    let letters = ((digits + 6 * ONES) >> 4) & ONES;
    (digits + u64::from(b'0') * ONES + u64::from(b'a' - b'0' - 10) * letters).to_be_bytes()
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_as_many_digits_as_it_needs() {
        let lengths = (0..=16).map(|length| 0xfed_cba9_8765_4321_u64.checked_shr(4 * length));
        for number in lengths.flatten().chain([0xf, 0x10, 0x55d0_c0de_1000, u64::MAX]) {
            assert_eq!(Hex::new(number).as_str(), format!("{number:#x}"));
        }
        assert_eq!(Hex::new(0).as_str(), "0x0");
    }

    #[test]
    fn an_int_has_32_bits_and_no_sign() {
        for number in [0, 9, -1, i32::MIN] {
            assert_eq!(Hex::int(number).as_str(), format!("{number:#x}"));
        }
    }

    #[test]
    fn a_mask_has_sixteen_digits() {
        for number in [0, 1, 0x4000, u64::MAX] {
            assert_eq!(Hex::mask(number).as_str(), format!("{number:#018x}"));
        }
    }
}
