//! Elements of lists that are ranges: two ends with `-` between them.

use std::{fmt::Display, ops::RangeInclusive};

use super::{UsageError, usage};

/// From where to where an element goes; of one that is no range both are the same.
///
/// What is one thing is tried first, as `-` can be part of it: `RTMAX-2` is a signal. `may_be_range`
/// says whether the error of that leaves open that it is a range; then every `-` is tried as the
/// one between the ends.
pub(super) fn range<T: Copy + PartialOrd, E: Display>(
    option: &'static str,
    element: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    may_be_range: impl Fn(&E) -> bool,
) -> Result<RangeInclusive<T>, UsageError> {
    let whole = match parse(element) {
        Ok(value) => return Ok(value..=value),
        Err(error) if may_be_range(&error) => error,
        Err(error) => return Err(usage(option, error.to_string())),
    };
    let mut half_right = None;
    for (dash, _) in element.match_indices('-') {
        let (first, last) = (&element[..dash], &element[dash + 1..]);
        if first.is_empty() || last.is_empty() {
            continue;
        }
        match (parse(first), parse(last)) {
            (Ok(first), Ok(last)) if first <= last => return Ok(first..=last),
            (Ok(_), Ok(_)) => {
                return Err(usage(option, format!("\"{element}\": the range is empty")));
            }
            (Ok(_), Err(error)) | (Err(error), Ok(_)) => {
                half_right.get_or_insert(error);
            }
            (Err(_), Err(_)) => {}
        }
    }
    Err(match half_right {
        Some(error) => usage(option, format!("\"{element}\": {error}")),
        None => usage(option, whole.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::signal;

    fn of_signals(element: &str) -> Result<RangeInclusive<i32>, String> {
        let may_be_range =
            |error: &signal::UnknownSignal| matches!(error, signal::UnknownSignal::Name { .. });
        range("--signal", element, signal::parse, may_be_range).map_err(|error| error.to_string())
    }

    #[test]
    fn a_dash_within_the_name_of_an_end_is_no_end() {
        for (element, expected) in [
            ("TERM", 15..=15),
            ("RTMAX-2", 62..=62),
            ("32-64", 32..=64),
            ("RTMIN-RTMAX", 34..=64),
            ("RTMIN+3-RTMAX-2", 37..=62),
            ("RTMAX-10-RTMAX-2", 54..=62),
            ("SIGRTMAX-2-64", 62..=64),
            ("hup-term", 1..=15),
            ("9-9", 9..=9),
        ] {
            assert_eq!(of_signals(element), Ok(expected), "{element}");
        }
    }

    #[test]
    fn a_range_that_is_none_is_named_with_what_is_wrong() {
        for (element, problem) in [
            ("64-32", "\"64-32\": the range is empty"),
            ("TERM-HUP", "\"TERM-HUP\": the range is empty"),
            ("1-65", "\"1-65\": signal 65 is out of range: signal numbers are 1 to 64"),
            (
                "TREM-KILL",
                "\"TREM-KILL\": unknown signal \"TREM\": did you mean TERM?; `kill -l` lists the \
                 names",
            ),
            ("-5", "signal -5 is out of range: signal numbers are 1 to 64"),
            (
                "RTMAX-40",
                "signal RTMAX-40 is out of range: real-time signals are SIGRTMIN (34) to \
                 SIGRTMIN+30, which is SIGRTMAX (64)",
            ),
        ] {
            assert_eq!(of_signals(element), Err(format!("--signal: {problem}")), "{element}");
        }
    }

    #[test]
    fn an_end_that_is_missing_makes_no_range() {
        for element in ["HUP-", "-HUP", "-"] {
            let error = of_signals(element).unwrap_err();
            assert!(
                error.starts_with(&format!("--signal: unknown signal \"{element}\"")),
                "{error}"
            );
        }
    }
}
