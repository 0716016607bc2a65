//! The names people give errors.

use sigtrace_common::MAX_ERROR;
use thiserror::Error;

use super::{ALIASES, name};
use crate::names::{nearest, suggest};

/// A word that stands for no error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnknownErrno {
    /// A number that no error has.
    #[error("error {0} is out of range: error numbers are 1 to {MAX_ERROR}")]
    Number(String),
    /// A name that no error has.
    #[error("unknown error {given:?}{}; `man errno` lists the names", suggest(.nearest))]
    Name {
        /// What was given.
        given: String,
        /// The names most like it.
        nearest: Vec<&'static str>,
    },
}

/// The error that `text` means: a number, or a name in either case, restart codes included.
///
/// # Errors
///
/// When there is no such error, or when it is out of reach of the filter.
pub fn parse(text: &str) -> Result<u16, UnknownErrno> {
    if !text.is_empty() && text.trim_start_matches(['-', '+']).bytes().all(|b| b.is_ascii_digit()) {
        let number = text.parse().ok().filter(|n| (1..=MAX_ERROR).contains(&u32::from(*n)));
        return number.ok_or_else(|| UnknownErrno::Number(text.to_owned()));
    }
    let upper = text.to_ascii_uppercase();
    match names().find(|(name, _)| *name == upper) {
        Some((_, number)) => Ok(number),
        None => Err(UnknownErrno::Name {
            given: text.to_owned(),
            nearest: nearest(text, names().map(|(name, _)| name)),
        }),
    }
}

/// Every name and its number.
fn names() -> impl Iterator<Item = (&'static str, u16)> {
    (1..=516).filter_map(|number| Some((name(number)?, number))).chain(ALIASES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_understood_as_the_number_it_stands_for() {
        for (name, number) in names() {
            assert_eq!(parse(name), Ok(number));
            assert_eq!(parse(&name.to_lowercase()), Ok(number));
            assert_eq!(parse(&number.to_string()), Ok(number));
        }
    }

    #[test]
    fn a_number_out_of_range_is_refused_with_the_range() {
        for text in ["0", "-3", "576", "99999"] {
            assert_eq!(
                parse(text).unwrap_err().to_string(),
                format!("error {text} is out of range: error numbers are 1 to 575")
            );
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_ones() {
        assert_eq!(
            parse("ESRHC").unwrap_err().to_string(),
            "unknown error \"ESRHC\": did you mean ESRCH or ESRMNT?; `man errno` lists the names"
        );
        assert!(matches!(parse(""), Err(UnknownErrno::Name { .. })));
    }
}
