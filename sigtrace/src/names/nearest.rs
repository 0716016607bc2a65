//! What somebody who mistyped a name may have meant.

use std::fmt;

/// How many names are worth suggesting.
const SUGGESTIONS: usize = 3;

/// Names less alike than this (0 to 1, Jaro-Winkler) are no suggestion.
const ALIKE: f64 = 0.75;

/// The candidates most like `input`, best first, regardless of case: three at most, none if nothing
/// is alike.
pub fn nearest<'a>(input: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let input = input.to_ascii_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&input, &name.to_ascii_lowercase()), name))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|(_, name)| name).take(SUGGESTIONS).collect()
}

/// For error messages: `: did you mean A or B?`, or nothing if nothing is near.
pub(super) fn suggest<'a>(names: &'a [&'a str]) -> impl fmt::Display + 'a {
    fmt::from_fn(move |f| match names {
        [] => Ok(()),
        [one] => write!(f, ": did you mean {one}?"),
        [others @ .., last] => write!(f, ": did you mean {} or {last}?", others.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name_meant_first() {
        let names = ["rt_sigaction", "rt_sigprocmask", "rt_sigpending", "kill", "tkill", "tgkill"];
        assert_eq!(nearest("kil", names), ["kill", "tkill", "tgkill"]);
        assert_eq!(nearest("RT_SIGPROCMSK", names)[0], "rt_sigprocmask");
        assert_eq!(nearest("tgkil", names), ["tgkill", "tkill"]);
    }

    #[test]
    fn nothing_is_suggested_for_something_else_altogether() {
        assert_eq!(nearest("xyzzy", ["kill", "pause"]), [""; 0]);
    }

    #[test]
    fn suggestions_read_as_a_question() {
        assert_eq!(suggest(&[]).to_string(), "");
        assert_eq!(suggest(&["a"]).to_string(), ": did you mean a?");
        assert_eq!(suggest(&["a", "b", "c"]).to_string(), ": did you mean a, b or c?");
    }
}
