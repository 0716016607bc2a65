//! Integers.
//!
//! Most readers of JSON have numbers of double precision, jq before 1.7 and JavaScript among them: an
//! integer that has more than 53 bits would lose its last digits there, without a word. So that is a string.

use super::writer::ToJson;
use crate::output::digits;

/// The largest integer that is a number in JSON, and its negative the least: up to here every reader has
/// whole numbers (RFC 8259, section 6; `Number.MAX_SAFE_INTEGER` of JavaScript).
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Integers that always are numbers.
macro_rules! number {
    ($write:path: $($integer:ty)*) => {
        $(impl ToJson for $integer {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                $write((*self).into(), out);
            }
        })*
    };
}

number!(digits::signed: i16 i32);
number!(digits::unsigned: u16 u32);

impl ToJson for u64 {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        number_or_string(*self, *self, digits::unsigned, out);
    }
}

impl ToJson for i64 {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        number_or_string(*self, self.unsigned_abs(), digits::signed, out);
    }
}

/// The digits of an integer of this size, in quotes if it is too large for a number.
#[inline]
fn number_or_string<T>(integer: T, size: u64, digits: fn(T, &mut Vec<u8>), out: &mut Vec<u8>) {
    if size <= MAX_NUMBER {
        digits(integer, out);
    } else {
        out.push(b'"');
        digits(integer, out);
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(integer: impl ToJson) -> String {
        let mut out = Vec::new();
        integer.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_integer_of_up_to_53_bits_is_a_number() {
        assert_eq!(json(0_u64), "0");
        assert_eq!(json(9_007_199_254_740_991_u64), "9007199254740991");
        assert_eq!(json(9_007_199_254_740_991_i64), "9007199254740991");
        assert_eq!(json(-9_007_199_254_740_991_i64), "-9007199254740991");
        assert_eq!(json(i32::MIN), "-2147483648");
        assert_eq!(json(u32::MAX), "4294967295");
    }

    #[test]
    fn one_of_more_bits_is_a_string_of_its_digits() {
        assert_eq!(json(9_007_199_254_740_992_u64), "\"9007199254740992\"");
        assert_eq!(json(9_007_199_254_740_992_i64), "\"9007199254740992\"");
        assert_eq!(json(-9_007_199_254_740_992_i64), "\"-9007199254740992\"");
        assert_eq!(json(u64::MAX), "\"18446744073709551615\"");
        assert_eq!(json(i64::MIN), "\"-9223372036854775808\"");
    }
}
