//! Writing JSON into a buffer.
//!
//! Half of what serialising an event by way of serde costs goes into looking for characters to
//! escape, in keys and names that have none. Here only what strangers chose is looked at.
//!
//! Most of the rest goes into copying: a key, a name or a number has a few bytes, for which a call of
//! memcpy(3) is long. So what is known when this is compiled is copied in line, and what has few
//! bytes by words.

use std::io::Write as _;

use crate::output::printable::is_printable;

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

    /// One that has fields already, to be added to, and not to be ended.
    pub(super) fn more(out: &'a mut Vec<u8>) -> Self {
        Self { out, empty: false }
    }

    /// Adds fields that are written already, each with a comma before it, to one that has some.
    #[inline]
    pub(super) fn written(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        debug_assert!(!self.empty);
        write(self.out);
    }

    /// Adds a key and its value.
    #[inline(always)]
    pub(super) fn field(&mut self, Key(key): Key, value: impl ToJson) {
        let key = if self.empty { &key.as_bytes()[1..] } else { key.as_bytes() };
        self.empty = false;
        self.out.extend_from_slice(key);
        value.write(self.out);
    }

    /// Adds a key that is known only now, and needs no escaping, and its value.
    #[inline]
    pub(super) fn named(&mut self, key: &'static str, value: impl ToJson) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        plain(key, self.out);
        self.out.push(b':');
        value.write(self.out);
    }

    /// Ends it.
    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

/// Bytes that strangers chose.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl ToJson for Bytes<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        foreign(self.0, out);
    }
}

/// A key of an object with what stands around it; see [`key!`].
#[derive(Clone, Copy)]
pub(super) struct Key(&'static str);

impl Key {
    /// Of a text made by [`key!`].
    pub(super) const fn new(text: &'static str) -> Self {
        Self(text)
    }
}

/// A key that needs no escaping, put together when this is compiled.
macro_rules! key {
    ($name:literal) => {
        $crate::output::json::writer::Key::new(concat!(",\"", $name, "\":"))
    };
}
pub(super) use key;

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
    ascii(text.as_bytes(), out);
}

/// Likewise, as bytes.
#[inline]
pub(super) fn ascii(text: &[u8], out: &mut Vec<u8>) {
    debug_assert!(is_plain(text));
    out.push(b'"');
    short(text, out);
    out.push(b'"');
}

/// Appends text that most likely has few bytes.
#[inline]
fn short(text: &[u8], out: &mut Vec<u8>) {
    match text.len() {
        0..4 => text.iter().for_each(|byte| out.push(*byte)),
        4..8 => by_words::<4>(text, out),
        8..16 => by_words::<8>(text, out),
        16..=32 => by_words::<16>(text, out),
        _ => out.extend_from_slice(text),
    }
}

/// Appends text of at least `N` and at most twice as many bytes: its first and its last, which most
/// likely have some in common.
#[inline]
fn by_words<const N: usize>(text: &[u8], out: &mut Vec<u8>) {
    if let (Some(first), Some(last)) = (text.first_chunk::<N>(), text.last_chunk::<N>()) {
        let end = out.len() + text.len();
        out.extend_from_slice(first);
        out.truncate(end - N);
        out.extend_from_slice(last);
    }
}

/// A string of any bytes, with U+FFFD for what is not UTF-8.
pub(super) fn foreign(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if is_plain(bytes) {
        short(bytes, out);
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

/// A character, escaped if it has to be (RFC 8259, section 7), or if a terminal would act upon it or not
/// show it as what it is.
fn escaped(char: char, out: &mut Vec<u8>) {
    match char {
        '"' | '\\' => out.extend([b'\\', char as u8]),
        '\n' => out.extend(b"\\n"),
        '\r' => out.extend(b"\\r"),
        '\t' => out.extend(b"\\t"),
        _ if is_printable(char) => out.extend(char.encode_utf8(&mut [0; 4]).as_bytes()),
        _ => char.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
            // Which allocates nothing, as `format!` would.
            let _ = write!(out, "\\u{unit:04x}");
        }),
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

impl ToJson for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
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

    #[test]
    fn what_is_not_seen_or_turns_text_around_is_escaped() {
        let mut out = Vec::new();
        foreign("a\u{202e}b\u{2066}\u{200f}\u{61c}\u{feff}\u{e0041}é漢".as_bytes(), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#""a\u202eb\u2066\u200f\u061c\ufeff\udb40\udc41é漢""#
        );
    }

    #[test]
    fn text_of_any_length_is_copied() {
        let text: String = ('#'..='[').collect();
        for length in 0..=40 {
            let mut out = b"x".to_vec();
            plain(&text[..length], &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("x\"{}\"", &text[..length]));
        }
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
