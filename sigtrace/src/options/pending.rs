//! What is asked of `sigtrace pending`.

use super::{UsageError, lists, values};
use crate::{
    cli::{Format, PendingArgs},
    pending::Query,
};

/// Checks the command line. `terminal` is how many columns standard output has, if it is a terminal.
///
/// # Errors
///
/// When an operand is none.
pub fn query(args: &PendingArgs, terminal: Option<usize>) -> Result<Query, UsageError> {
    Ok(Query {
        pids: values::numbers("PID", &args.pid)?,
        signals: lists::signals("--signal", &args.signal)?,
        json: args.format == Format::Json,
        width: terminal.filter(|_| !args.wide),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn asked(line: &[&str]) -> Result<Query, String> {
        let cli = Cli::try_parse_from(["sigtrace", "pending"].iter().chain(line)).unwrap();
        let Some(Command::Pending(args)) = cli.command else { panic!("{cli:?}") };
        query(&args, Some(80)).map_err(|error| error.to_string())
    }

    #[test]
    fn without_operands_it_is_about_the_signals_that_end_and_reload_and_children() {
        let signals = 1 | 1 << 1 | 1 << 14 | 1 << 16;
        let expected = Query { pids: vec![], signals, json: false, width: Some(80) };
        assert_eq!(asked(&[]), Ok(expected));
    }

    #[test]
    fn processes_and_signals_are_lists() {
        let line = ["812", "900-902,7", "-S", "USR1", "--format", "json", "--wide"];
        let pids = vec![812, 900, 901, 902, 7];
        assert_eq!(asked(&line), Ok(Query { pids, signals: 1 << 9, json: true, width: None }));
    }

    #[test]
    fn what_is_no_process_is_named() {
        let error = asked(&["nginx"]).unwrap_err();
        assert!(error.starts_with("PID: \"nginx\""), "{error}");
    }
}
