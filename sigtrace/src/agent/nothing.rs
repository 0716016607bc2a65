//! Why nothing was printed.

use crate::options::{Step, Steps};

/// What there is to say when no call was printed nor lost, and these were left out at each step: the
/// options that left out the most. There can be several that do so at one step, which nobody counts
/// apart.
pub(crate) fn remark(left_out: [(Step, u64); 3], steps: &Steps) -> Option<String> {
    let all = left_out.iter().map(|(_, calls)| calls).fold(0, |sum: u64, n| sum.saturating_add(*n));
    let (step, most) = left_out.into_iter().max_by_key(|(_, calls)| *calls)?;
    let options = steps.options(step).collect::<Vec<_>>().join(" or ");
    if most == 0 || options.is_empty() {
        return None;
    }
    let plural = if all == 1 { "" } else { "s" };
    Some(format!("nothing was selected: {options} left out {most} of {all} call{plural}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{cli::Cli, options::Options};

    fn of(args: &[&str], [caller, arguments, outcome]: [u64; 3]) -> Option<String> {
        let args = Cli::parse_from([&["sigtrace"], args].concat()).trace;
        let left_out =
            [(Step::Caller, caller), (Step::Arguments, arguments), (Step::Outcome, outcome)];
        remark(left_out, &Options::new(args).unwrap().steps)
    }

    #[test]
    fn the_option_that_left_out_the_most_is_named() {
        let args = ["-u", "4242", "-S", "TERM", "--failed"];
        for (left_out, expected) in [
            ([17, 2, 1], "nothing was selected: --uid left out 17 of 20 calls"),
            ([0, 9, 0], "nothing was selected: --signal left out 9 of 9 calls"),
            ([0, 0, 1], "nothing was selected: --signal or --failed left out 1 of 1 call"),
        ] {
            assert_eq!(of(&args, left_out).as_deref(), Some(expected));
        }
    }

    #[test]
    fn where_nothing_was_left_out_there_is_nothing_to_say() {
        assert_eq!(of(&["-u", "4242"], [0, 0, 0]), None);
    }
}
