//! Decimal numbers.
//!
//! Four or eight digits are made at once, in one register. They begin where the number does, so that they
//! go into a buffer as a whole; to copy as many bytes as there are digits takes longer than to make them.

/// What fits into four digits is less than this.
const FOUR: u64 = 10_000;
/// And into eight.
const EIGHT: u64 = 100_000_000;
/// Eight zeros.
const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);

/// Appends a number without a sign.
#[inline]
pub(super) fn unsigned(number: u64, out: &mut Vec<u8>) {
    if number < 10 {
        let [digit, ..] = number.to_le_bytes();
        out.push(b'0' + digit);
    } else if number < FOUR {
        up_to_four(number as u32, out);
    } else if number < EIGHT {
        up_to_eight(number, out);
    } else {
        long(number, out);
    }
}

/// Appends a number.
#[inline]
pub(super) fn signed(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    unsigned(number.unsigned_abs(), out);
}

/// Eight digits of a number that has no more, with zeros before it.
#[inline]
pub(super) fn eight(number: u64) -> [u8; 8] {
    (split(number) | ZEROS).to_le_bytes()
}

/// Appends a number of one to four digits, which is not 0.
#[inline]
fn up_to_four(number: u32, out: &mut Vec<u8>) {
    let above = (number * 10_486) >> 20;
    let pairs = above | ((number - above * 100) << 16);
    let above = ((pairs * 103) >> 10) & 0xf_000f;
    let digits = above | ((pairs - above * 10) << 8);
    let zeros = digits.trailing_zeros() / 8;
    let end = out.len() + 4 - zeros as usize;
    out.extend_from_slice(&((digits | ZEROS as u32) >> (8 * zeros)).to_le_bytes());
    out.truncate(end);
}

/// Appends a number of one to eight digits, which is not 0.
#[inline]
fn up_to_eight(number: u64, out: &mut Vec<u8>) {
    let digits = split(number);
    let zeros = digits.trailing_zeros() / 8;
    let end = out.len() + 8 - zeros as usize;
    out.extend_from_slice(&((digits | ZEROS) >> (8 * zeros)).to_le_bytes());
    out.truncate(end);
}

/// Appends a number of nine digits or more.
fn long(number: u64, out: &mut Vec<u8>) {
    let (before, last) = (number / EIGHT, number % EIGHT);
    unsigned(before, out);
    out.extend_from_slice(&eight(last));
}

/// The digits of a number that has no more than eight, the first in the lowest byte: it is halved
/// three times, and the parts are divided side by side.
#[inline]
fn split(number: u64) -> u64 {
    let fours = (number / FOUR) | ((number % FOUR) << 32);
    // The factors and shifts are exact for numbers of four digits, and of two.
    let above = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = above | ((fours - above * 100) << 16);
    let above = ((pairs * 103) >> 10) & 0xf_000f_000f_000f;
    above | ((pairs - above * 10) << 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"x".to_vec();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_of_every_length_are_written() {
        for number in (0..20).map(|length| 10_u64.pow(length)).chain([u64::MAX]) {
            for number in [number - 1, number] {
                assert_eq!(text(|out| unsigned(number, out)), format!("x{number}"));
            }
        }
    }

    #[test]
    fn four_digits_and_two_are_divided_exactly() {
        for number in 0..FOUR {
            assert_eq!(text(|out| unsigned(number, out)), format!("x{number}"));
            assert_eq!(
                eight(number * 10_000 + number),
                *format!("{number:04}{number:04}").as_bytes()
            );
        }
    }

    #[test]
    fn the_least_and_the_largest_number_are_written() {
        for number in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX] {
            assert_eq!(text(|out| signed(number, out)), format!("x{number}"));
        }
    }

    proptest! {
        #[test]
        fn any_number_is_written(number in any::<i64>(), shift in 0..64_u32) {
            let number = number >> shift;
            prop_assert_eq!(text(|out| signed(number, out)), format!("x{number}"));
        }

        #[test]
        fn any_eight_digits_are_written(number in 0..EIGHT) {
            let text = format!("{number:08}");
            prop_assert_eq!(&eight(number)[..], text.as_bytes());
        }
    }
}
