//! The parts of a start, as sigtrace tells them among its messages when it is told to say more.
//!
//! The line is `start: NAME NANOSECONDS[, NAME NANOSECONDS]...`, such as
//!
//! ```text
//! sigtrace: debug: start: parse 1200345, relocate 800210, verify 30400500, attach 7300999
//! ```
//!
//! A name is of letters, digits, `-` and `_`; the numbers are of `CLOCK_MONOTONIC`. What precedes
//! `start: ` is what every message begins with.

use serde_json::{Value, json};

/// What a part takes: its name, and nanoseconds.
pub(crate) type Part<'a> = (&'a str, u64);

/// The parts that the first such line among `messages` tells; none if there is no such line.
pub(crate) fn parse(messages: &str) -> Vec<Part<'_>> {
    messages.lines().find_map(parts).unwrap_or_default()
}

/// The parts as JSON, in their order.
pub(crate) fn json(parts: &[Part<'_>]) -> Value {
    let part =
        |(name, instructions): &Part<'_>| json!({ "name": name, "instructions": instructions });
    parts.iter().map(part).collect()
}

fn parts(line: &str) -> Option<Vec<Part<'_>>> {
    let message = line.strip_prefix("sigtrace: ").unwrap_or(line);
    let message = message.strip_prefix("debug: ").unwrap_or(message);
    let message = message.strip_prefix("info: ").unwrap_or(message);
    message.strip_prefix("start: ")?.split(", ").map(part).collect()
}

fn part(text: &str) -> Option<Part<'_>> {
    let (name, nanoseconds) = text.split_once(' ')?;
    let is_name = !name.is_empty() && name.chars().all(is_of_names);
    is_name.then_some((name, nanoseconds.parse().ok()?))
}

fn is_of_names(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_told_in_their_order() {
        let messages = "sigtrace: debug: loaded 88 programs\n\
                        sigtrace: debug: start: parse 1200345, relocate 0, attach-all 7300999\n\
                        sigtrace: info: ready\n";
        let parts = [("parse", 1_200_345), ("relocate", 0), ("attach-all", 7_300_999)];
        assert_eq!(parse(messages), parts);
    }

    #[test]
    fn one_part_is_enough_and_the_prefix_may_be_another() {
        assert_eq!(parse("start: verify 7"), [("verify", 7)]);
        assert_eq!(parse("sigtrace: info: start: verify 8\n"), [("verify", 8)]);
    }

    #[test]
    fn without_such_a_line_there_are_no_parts() {
        for messages in [
            "",
            "sigtrace: info: ready\n",
            "sigtrace: debug: start: \n",
            "start: verify",
            "start: verify -1",
            "start: verify 1.5",
            "start: verify 1,attach 2",
            "start: verify 1, ",
            "start: verify 1, attach",
            "start: verify=1",
            "start:  1",
            "at start: verify 1",
        ] {
            assert_eq!(parse(messages), [], "{messages:?}");
        }
    }

    #[test]
    fn of_several_lines_the_first_counts_that_is_whole() {
        assert_eq!(parse("start: verify\nstart: verify 1\nstart: verify 2\n"), [("verify", 1)]);
    }

    #[test]
    fn parts_are_numbers_in_json() {
        assert_eq!(
            json(&[("parse", 5), ("attach", 6)]),
            json!([
                { "name": "parse", "instructions": 5 },
                { "name": "attach", "instructions": 6 },
            ])
        );
    }
}
