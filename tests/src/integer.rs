//! Integers as sigtrace's JSON has them: numbers while they have up to 53 bits, and strings beyond.

use serde_json::{Value, json};

/// The largest one that is a number, and its negative the least.
const MAX_NUMBER: i128 = 9_007_199_254_740_991;

/// As JSON has it.
pub fn shown(integer: impl Into<i128>) -> Value {
    let integer = integer.into();
    match i64::try_from(integer) {
        Ok(number) if integer.abs() <= MAX_NUMBER => json!(number),
        _ => json!(integer.to_string()),
    }
}

/// Of what JSON has; `None` if that is no integer, is one out of range, or should have the other form.
pub fn read<T: TryFrom<i128>>(value: &Value) -> Option<T> {
    let integer = match value {
        Value::String(digits) => digits.parse().ok()?,
        value => value.as_i64()?.into(),
    };
    if shown(integer) == *value { T::try_from(integer).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_read_as_it_is_shown() {
        for (integer, value) in [
            (0, json!(0)),
            (MAX_NUMBER, json!(9_007_199_254_740_991_u64)),
            (-MAX_NUMBER, json!(-9_007_199_254_740_991_i64)),
            (MAX_NUMBER + 1, json!("9007199254740992")),
            (-MAX_NUMBER - 1, json!("-9007199254740992")),
            (u64::MAX.into(), json!("18446744073709551615")),
        ] {
            assert_eq!(shown(integer), value);
            assert_eq!(read(&value), Some(integer));
        }
    }

    #[test]
    fn what_has_the_other_form_is_not_read() {
        for value in [json!("0"), json!("007"), json!(1_u64 << 53), json!(u64::MAX), json!(1.0)] {
            assert_eq!(read::<i128>(&value), None);
        }
        assert_eq!(read::<u64>(&json!(-1)), None);
        assert_eq!(read::<i128>(&Value::Null), None);
    }
}
