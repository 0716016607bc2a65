//! What is asked of `sigtrace who`.

use clap::Parser as _;

use super::{Options, UsageError};
use crate::cli::{Cli, EventKind, WhoArgs};

/// What `who` tells besides deaths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// What signals did that killed nobody.
    pub all: bool,
}

impl Options {
    /// Checks the command line of `who`: what it selects are those who die, whom the signals are sent to.
    ///
    /// # Errors
    ///
    /// When an operand is none.
    pub fn who(args: WhoArgs) -> Result<Self, UsageError> {
        let who = Who { all: args.all };
        // What is not said has its default.
        let trace = Cli::parse_from(["sigtrace"]).trace;
        let trace = crate::cli::TraceArgs {
            target: args.pid,
            follow: args.follow,
            target_comm: args.comm,
            target_uid: args.uid,
            target_cgroup: args.cgroup,
            exe: args.exe,
            unit: args.unit,
            container: args.container,
            signal: args.signal,
            events: vec![EventKind::Generate, EventKind::Exit],
            format: Some(args.format),
            context: args.context,
            redact: args.redact,
            output: args.output,
            append: args.append,
            max_events: args.max_events,
            duration: args.duration,
            verbose: args.verbose,
            quiet: args.quiet,
            ring_size: args.ring_size,
            types: args.types,
            cmd: args.cmd,
            // It is about all processes, its own caller included.
            own: true,
            ..trace
        };
        Ok(Self { who: Some(who), ..Self::new(trace)? })
    }
}

#[cfg(test)]
mod tests {
    use sigtrace_common::{kinds, select, side};

    use super::*;
    use crate::{cli::Command, join::Context};

    fn asked(line: &[&str]) -> Result<Options, String> {
        let cli = Cli::try_parse_from(["sigtrace", "who"].iter().chain(line)).unwrap();
        let Some(Command::Who(args)) = cli.command else { panic!("{cli:?}") };
        Options::who(*args).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_about_signals_and_ends_and_no_calls() {
        let options = asked(&[]).unwrap();
        assert_eq!(options.who, Some(Who { all: false }));
        assert_eq!(options.selection.config.kinds, kinds::GENERATE | kinds::EXIT);
        assert_eq!((options.selection.rows.len(), options.selection.context), (0, Context::Full));
        assert!(asked(&["--all"]).unwrap().who.is_some_and(|who| who.all));
    }

    #[test]
    fn what_is_selected_is_who_dies() {
        let options = asked(&["-p", "812", "-c", "nginx", "-u", "33", "-S", "KILL"]).unwrap();
        assert_eq!(options.selection.pids.get(&812), Some(&side::TARGET));
        let filters = select::TARGET
            | select::FEW_TARGET_COMMS
            | select::FEW_TARGET_UIDS
            | select::SIGNAL
            | select::CONTEXT
            | select::ARGS;
        assert_eq!(options.selection.config.select, filters);
    }

    #[test]
    fn an_operand_that_is_none_is_named() {
        let error = asked(&["-p", "nginx"]).unwrap_err();
        assert!(error.contains("\"nginx\""), "{error}");
    }
}
