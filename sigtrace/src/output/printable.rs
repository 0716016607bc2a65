//! Which characters show as what they are.

/// Whether a terminal shows a character as itself: no control, nothing invisible or unassigned, nothing
/// that turns the direction of text, combines with what is before it or passes for a space.
pub(crate) fn is_printable(char: char) -> bool {
    match char {
        '"' | '\'' | '\\' => true,
        _ if is_blank(char) => false,
        _ => char.escape_debug().len() == 1,
    }
}

/// Letters and symbols, to Unicode, that are seen as an empty space: the fillers of Hangul, the Braille
/// pattern without a dot, a note without a head.
fn is_blank(char: char) -> bool {
    matches!(char, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{1d159}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_printable() {
        for char in " aZ~[]\"'\\é€Ж漢שع\u{fffd}😀".chars() {
            assert!(is_printable(char), "{char:?}");
        }
    }

    #[test]
    fn what_is_not_seen_or_changes_what_is_is_not_printable() {
        let ranges = [
            '\0'..='\u{1f}',
            '\u{7f}'..='\u{a0}',
            '\u{200b}'..='\u{200f}',
            '\u{2028}'..='\u{202e}',
            '\u{2060}'..='\u{206f}',
            '\u{fe00}'..='\u{fe0f}',
            '\u{e0000}'..='\u{e007f}',
        ];
        let others = "\u{ad}\u{34f}\u{301}\u{61c}\u{115f}\u{1160}\u{180e}\u{2000}\u{2800}\u{3000}\
                      \u{3164}\u{e000}\u{feff}\u{ffa0}\u{fff9}\u{1d159}";
        for char in ranges.into_iter().flatten().chain(others.chars()) {
            assert!(!is_printable(char), "{char:?}");
        }
    }
}
