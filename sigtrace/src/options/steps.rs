//! At which step a call is left out by which option.

use crate::cli::TraceArgs;

/// The steps at which the kernel side leaves calls out, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// By who calls.
    Caller,
    /// By the arguments, and what they lead to.
    Arguments,
    /// By how the call ended, and whom it reached.
    Outcome,
}

/// The options in use that leave calls out, each with a step at which it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps(Vec<(Step, &'static str)>);

impl Steps {
    pub(super) fn new(args: &TraceArgs) -> Self {
        use Step::{Arguments, Caller, Outcome};
        let by_target = &[Caller, Arguments, Outcome][..];
        let options = [
            ("--pid", !args.pid.is_empty(), by_target),
            ("--caller", !args.caller.is_empty(), &[Caller]),
            ("--target", !args.target.is_empty(), by_target),
            ("--target-comm", !args.target_comm.is_empty(), by_target),
            ("--target-uid", !args.target_uid.is_empty(), by_target),
            ("--target-cgroup", args.target_cgroup.is_some(), by_target),
            ("--tid", !args.tid.is_empty(), &[Caller]),
            ("--comm", !args.comm.is_empty(), &[Caller]),
            ("--uid", !args.uid.is_empty(), &[Caller]),
            ("--cgroup", args.cgroup.is_some(), &[Caller]),
            ("-- CMD", !args.cmd.is_empty(), &[Caller]),
            // What a call does to the mask is known at the return, as is a set that cannot be read before.
            ("--signal", !args.signal.is_empty(), &[Arguments, Outcome]),
            ("--signal-in-set", !args.signal_in_set.is_empty(), &[Arguments, Outcome]),
            ("--no-probe", args.no_probe, &[Arguments]),
            ("--failed", args.failed, &[Outcome]),
            ("--error", !args.error.is_empty(), &[Outcome]),
            ("--min-duration", args.min_duration.is_some(), &[Outcome]),
        ];
        let used = options.into_iter().filter(|(_, used, _)| *used);
        Self(
            used.flat_map(|(option, _, steps)| steps.iter().map(move |&step| (step, option)))
                .collect(),
        )
    }

    /// The options that leave calls out at this step.
    pub fn options(&self, step: Step) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(move |(at, _)| *at == step).map(|(_, option)| *option)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn options(args: &[&str]) -> [Vec<&'static str>; 3] {
        let steps = Steps::new(&Cli::parse_from([&["sigtrace"], args].concat()).trace);
        [Step::Caller, Step::Arguments, Step::Outcome].map(|step| steps.options(step).collect())
    }

    #[test]
    fn an_option_is_told_of_at_the_steps_at_which_it_leaves_calls_out() {
        assert_eq!(options(&["-s", "kill", "--stats"]), [const { Vec::<&str>::new() }; 3]);
        assert_eq!(
            options(&["-u", "0", "-c", "x", "-S", "TERM", "--failed", "--", "true"]),
            [vec!["--comm", "--uid", "-- CMD"], vec!["--signal"], vec!["--signal", "--failed"]]
        );
        assert_eq!(options(&["-p", "1"]), [vec!["--pid"], vec!["--pid"], vec!["--pid"]]);
        let of_targets = vec!["--target-comm", "--target-uid", "--target-cgroup"];
        assert_eq!(
            options(&["--target-uid", "0", "--target-comm", "x", "--target-cgroup", "/"]),
            [of_targets.clone(), of_targets.clone(), of_targets]
        );
    }
}
