//! Writing JSON into a buffer.
//!
//! Half of what serialising an event by way of serde costs goes into looking for characters to
//! escape, in keys and names that have none. Here only what strangers chose is looked at.

/// Something that has a JSON text.
pub(super) trait ToJson {
    /// Appends the text.
    fn write(&self, out: &mut Vec<u8>);
}

/// An object under way.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Begins one.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Adds a key, which needs no escaping, and its value.
    #[inline]
    pub(super) fn field(&mut self, key: &'static str, value: impl ToJson) {
        debug_assert!(is_plain(key.as_bytes()));
        self.out.reserve(key.len() + 4);
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.write(self.out);
    }

    /// Ends it.
    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

/// An array of what `items` yields.
pub(super) fn array<T: ToJson>(items: impl Iterator<Item = T>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        item.write(out);
    }
    out.push(b']');
}

/// A string that needs no escaping: our own.
#[inline]
pub(super) fn plain(text: &str, out: &mut Vec<u8>) {
    debug_assert!(is_plain(text.as_bytes()));
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// A string of any bytes, with U+FFFD for what is not UTF-8.
pub(super) fn foreign(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        for chunk in bytes.utf8_chunks() {
            chunk.valid().chars().for_each(|char| escaped(char, out));
            if !chunk.invalid().is_empty() {
                out.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
    }
    out.push(b'"');
}

/// A character, escaped if it has to be (RFC 8259, section 7), or if a terminal would act upon it:
/// DEL and the controls of ISO 6429 from U+0080 on.
fn escaped(char: char, out: &mut Vec<u8>) {
    match char {
        '"' | '\\' => out.extend([b'\\', char as u8]),
        '\n' => out.extend(b"\\n"),
        '\r' => out.extend(b"\\r"),
        '\t' => out.extend(b"\\t"),
        _ if char.is_control() => {
            let digit = |digit: u32| b"0123456789abcdef".get(digit as usize).copied();
            out.extend(b"\\u00");
            out.extend([char as u32 >> 4, char as u32 & 0xf].into_iter().filter_map(digit));
        }
        _ => out.extend(char.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Whether bytes are printable ASCII without anything to escape.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

impl ToJson for &'static str {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        plain(self, out);
    }
}

impl<T: ToJson> ToJson for Option<T> {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

/// Integers are numbers.
macro_rules! number {
    ($($integer:ty)*) => {
        $(impl ToJson for $integer {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
            }
        })*
    };
}

number!(i16 i32 i64 u16 u32 u64);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_must_be_escaped_is_escaped() {
        let mut out = Vec::new();
        foreign(b"\"\\\n\r\t\x00\x08\x1f \x7f\xc2\x9b\xc3\xa4\xff", &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"\\\"\\\\\\n\\r\\t\\u0000\\u0008\\u001f \\u007f\\u009bä\u{fffd}\""
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_string_that_parses(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut out = Vec::new();
            foreign(&bytes, &mut out);
            let text: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
