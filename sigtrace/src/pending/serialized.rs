//! JSON by way of serde, for what is written seldom, with the same escapes as events have.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

use crate::output::is_printable;

/// Appends the text of a value, without a newline.
pub(super) fn serialize(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(out, Printable))?)
}

/// Escapes what a terminal would not show as itself, besides what has to be escaped.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for character in fragment.chars() {
            if is_printable(character) {
                write!(writer, "{character}")?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let mut out = Vec::new();
        serialize(&mut out, &text).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_a_terminal_does_not_show_as_itself_is_escaped() {
        assert_eq!(json("a\u{202e}b\u{9b}31m\n\"\\é"), r#""a\u202eb\u009b31m\n\"\\é""#);
        assert_eq!(json("\u{e0001}"), r#""\udb40\udc01""#);
    }

    #[test]
    fn it_reads_as_what_it_was() {
        let text = "a\u{202e}b\u{e0001}\u{9b}\0\"";
        assert_eq!(serde_json::from_str::<String>(&json(text)).unwrap(), text);
    }
}
