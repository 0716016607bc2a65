//! The names people give signals.

use thiserror::Error;

use super::{ALIASES, MAX, RTMIN, short_name};
use crate::names::{nearest, suggest};

/// A word that stands for no signal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnknownSignal {
    /// A number that no signal has.
    #[error("signal {0} is out of range: signal numbers are 1 to {MAX}")]
    Number(String),
    /// A distance from the first or last real-time signal that leads out of their range.
    #[error(
        "signal {0} is out of range: real-time signals are SIGRTMIN (34) to SIGRTMIN+30, which is \
         SIGRTMAX (64)"
    )]
    RealTime(String),
    /// A name that no signal has.
    #[error("unknown signal {given:?}{}; `kill -l` lists the names", suggest(.nearest))]
    Name {
        /// What was given.
        given: String,
        /// The names most like it.
        nearest: Vec<&'static str>,
    },
}

/// The signal that `text` means: a number, or a name in either case, with or without `SIG`;
/// real-time signals also as `RTMIN+3` and `RTMAX-1`.
///
/// # Errors
///
/// When there is no such signal. 0 is none.
pub fn parse(text: &str) -> Result<i32, UnknownSignal> {
    if is_number(text) {
        let signo = text.parse().ok().filter(|signo| (1..=MAX).contains(signo));
        return signo.ok_or_else(|| UnknownSignal::Number(text.to_owned()));
    }
    let upper = text.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some((_, signo)) = names().find(|(name, _)| *name == short) {
        return Ok(signo);
    }
    match real_time(short) {
        Some(signo) if (RTMIN..=MAX).contains(&signo) => Ok(signo),
        Some(_) => Err(UnknownSignal::RealTime(text.to_owned())),
        None => Err(UnknownSignal::Name {
            given: text.to_owned(),
            nearest: nearest(short, names().map(|(name, _)| name)),
        }),
    }
}

/// Every name without its `SIG`, and its signal.
fn names() -> impl Iterator<Item = (&'static str, i32)> {
    (1..=MAX).filter_map(|signo| Some((short_name(signo)?, signo))).chain(ALIASES)
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number that `RTMIN+n` or `RTMAX-n` leads to, in range or not.
fn real_time(short: &str) -> Option<i32> {
    if let Some(rest) = short.strip_prefix("RTMIN") {
        distance(rest, '+').map(|distance| RTMIN.saturating_add(distance))
    } else {
        distance(short.strip_prefix("RTMAX")?, '-').map(|distance| MAX - distance)
    }
}

/// 0 for nothing, else the number after `sign`.
fn distance(text: &str, sign: char) -> Option<i32> {
    if text.is_empty() {
        return Some(0);
    }
    text.strip_prefix(sign)?.parse::<u16>().ok().map(i32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_prefix_do_not_matter() {
        for text in ["SIGTERM", "sigterm", "TERM", "term", "Term", "15", "+15"] {
            assert_eq!(parse(text), Ok(15), "{text}");
        }
    }

    #[test]
    fn real_time_signals_count_from_either_end() {
        for (text, signo) in [
            ("RTMIN", 34),
            ("SIGRTMIN", 34),
            ("rtmin+0", 34),
            ("RTMIN+3", 37),
            ("SIGRTMIN+30", 64),
            ("RTMAX", 64),
            ("SIGRTMAX-1", 63),
            ("rtmax-30", 34),
            ("SIG32", 32),
            ("sig33", 33),
        ] {
            assert_eq!(parse(text), Ok(signo), "{text}");
        }
    }

    #[test]
    fn second_names_are_understood() {
        assert_eq!(["CLD", "SIGIOT", "poll", "UNUSED"].map(parse), [Ok(17), Ok(6), Ok(29), Ok(31)]);
    }

    #[test]
    fn a_number_out_of_range_is_refused_with_the_range() {
        for text in ["0", "65", "-1", "99999999999999999999"] {
            assert_eq!(
                parse(text).unwrap_err().to_string(),
                format!("signal {text} is out of range: signal numbers are 1 to 64")
            );
        }
    }

    #[test]
    fn a_distance_out_of_range_is_refused_with_the_range() {
        for text in ["RTMIN+31", "RTMAX-31", "rtmin+65535"] {
            assert_eq!(
                parse(text).unwrap_err().to_string(),
                format!(
                    "signal {text} is out of range: real-time signals are SIGRTMIN (34) to \
                     SIGRTMIN+30, which is SIGRTMAX (64)"
                )
            );
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_ones() {
        assert_eq!(
            parse("SIGTERN").unwrap_err().to_string(),
            "unknown signal \"SIGTERN\": did you mean TERM?; `kill -l` lists the names"
        );
        assert_eq!(
            parse("zzzz\n").unwrap_err().to_string(),
            "unknown signal \"zzzz\\n\"; `kill -l` lists the names"
        );
        for text in ["", "SIG", "RTMIN-1", "RTMAX+1", "RTMIN+", "RTMIN+x"] {
            assert!(matches!(parse(text), Err(UnknownSignal::Name { .. })), "{text}");
        }
    }
}
