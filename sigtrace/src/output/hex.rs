//! Numbers in hexadecimal.

use std::fmt;

/// `0x`, then the digits of the number, at least as many as asked for.
#[derive(Clone, Copy)]
pub(super) struct Hex {
    text: [u8; 18],
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
        Self::padded(number, 16)
    }

    fn padded(mut number: u64, digits: usize) -> Self {
        let mut text = *b"0x0000000000000000";
        let mut start = text.len();
        for (index, place) in text.iter_mut().enumerate().skip(2).rev() {
            if number == 0 && start <= 18 - digits {
                break;
            }
            let [digit, ..] = (number & 0xf).to_le_bytes();
            *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
            number >>= 4;
            start = index;
        }
        text.copy_within(0..2, start - 2);
        Self { text, start: start - 2 }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        self.text.get(self.start..).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }
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
        for number in [0, 1, 0xf, 0x10, 0x55d0_c0de_1000, u64::MAX] {
            assert_eq!(Hex::new(number).as_str(), format!("{number:#x}"));
        }
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
