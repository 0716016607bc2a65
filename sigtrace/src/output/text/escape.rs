//! Text from strangers, fit for a terminal.

use std::fmt::{self, Write};

use crate::output::printable::is_printable;

/// A thread's name, or another one that strangers chose, with everything escaped that does not print
/// as itself, so that it can neither move the cursor nor pass for something else. Brackets are, too, as
/// the name of a caller ends at the first: so strace does with what delimits a name (`-Y`).
pub(crate) struct Escaped<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '"' | '\\' => write!(f, "\\{character}")?,
                    '\0'..' ' | '[' | ']' | '\x7f' => write!(f, "\\x{:02x}", u32::from(character))?,
                    _ if is_printable(character) => f.write_char(character)?,
                    _ => write!(f, "{}", character.escape_unicode())?,
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
        for name in ["nginx", "Web Content", "kworker/0:1-eve", "(sd-pam)", "café", "it's"] {
            assert_eq!(escaped(name.as_bytes()), name);
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped(b"\x1b31m\n\t\x7f"), r"\x1b31m\x0a\x09\x7f");
        assert_eq!(escaped("\u{9b}31m".as_bytes()), r"\u{9b}31m");
    }

    #[test]
    fn quotes_and_the_escape_itself_are_escaped() {
        assert_eq!(escaped(br#"a"b\c"#), r#"a\"b\\c"#);
    }

    #[test]
    fn what_ends_a_callers_name_is_escaped() {
        assert_eq!(escaped(b"bash[1] kill("), r"bash\x5b1\x5d kill(");
    }

    #[test]
    fn what_turns_text_around_or_is_not_seen_is_escaped() {
        assert_eq!(escaped("a\u{202e}b\u{2800}\u{200f}".as_bytes()), r"a\u{202e}b\u{2800}\u{200f}");
    }

    #[test]
    fn bytes_that_are_no_text_are_escaped() {
        assert_eq!(escaped(b"\xff\xe2\x82a"), r"\xff\xe2\x82a");
    }
}
