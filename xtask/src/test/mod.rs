//! `cargo xtask test`: every check and every test there is, and one line that counts them.

mod count;
mod guest;
mod host;
mod output;
mod report;
mod suite;

use std::process::ExitCode;

use anyhow::Result;

use crate::cache::Cache;
use crate::cli;
use crate::interrupt;
use crate::setup;
use report::{Outcome, Report};

/// The names of the suites that run in guests.
pub(crate) fn suites() -> impl Iterator<Item = &'static str> {
    suite::SUITES.iter().map(|suite| suite.name)
}

/// Runs everything asked for, failures and all, then reports.
pub(crate) fn command(cache: &Cache, options: &cli::Test) -> Result<ExitCode> {
    setup::build_tools(cache)?;
    let mut report = Report::default();
    if options.suite.is_empty() {
        host_part(cache, options.filter.as_deref(), &mut report)?;
    }
    if !options.host_only {
        let outcomes =
            guest::run(cache, &options.kernel, &options.suite, options.filter.as_deref());
        interrupt::check()?;
        for outcome in outcomes.unwrap_or_else(|error| vec![Outcome::not_run("guests", &error)]) {
            report.add(outcome);
        }
    }
    println!("{report}");
    Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn host_part(cache: &Cache, filter: Option<&str>, report: &mut Report) -> Result<()> {
    // Who names tests wants those, not the state of the whole tree.
    if filter.is_none() {
        for (name, mut command) in host::checks(cache)? {
            report.add(host::check(name, &mut command)?);
        }
    }
    report.add(host::unit_tests(filter)?);
    if filter.is_none() {
        report.add(host::fuzz()?);
    }
    Ok(())
}
