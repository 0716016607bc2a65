//! Text from strangers, fit for a terminal.

use std::fmt::{self, Write};

/// A thread's name, or another one that strangers chose, with everything escaped that does not print
/// as itself, so that it can neither move the cursor nor pass for something else.
pub(super) struct Escaped<'a>(pub(super) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\0'..' ' | '\x7f' => write!(f, "\\x{:02x}", u32::from(character))?,
                    '\'' => f.write_char('\'')?,
                    // Quotes, the backslash, and in Unicode what is unassigned, invisible, turns
                    // the direction of text or combines with what is before it.
                    _ => write!(f, "{}", character.escape_debug())?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(name: &[u8]) -> String {
        Escaped(name).to_string()
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["nginx", "Web Content", "kworker/0:1-eve", "café", "it's"] {
            assert_eq!(escaped(name.as_bytes()), name);
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped(b"\x1b[31m\n\t\x7f"), r"\x1b[31m\x0a\x09\x7f");
        assert_eq!(escaped("\u{9b}31m".as_bytes()), r"\u{9b}31m");
    }

    #[test]
    fn quotes_and_the_escape_itself_are_escaped() {
        assert_eq!(escaped(br#"a"b\c"#), r#"a\"b\\c"#);
    }

    #[test]
    fn what_turns_text_around_is_escaped() {
        assert_eq!(escaped("a\u{202e}b".as_bytes()), r"a\u{202e}b");
    }

    #[test]
    fn bytes_that_are_no_text_are_escaped() {
        assert_eq!(escaped(b"\xff\xe2\x82a"), r"\xff\xe2\x82a");
    }
}
