//! `cargo xtask test`: every check and every test there is, and one line that counts them.

mod count;
mod guest;
mod host;
mod output;
mod plan;
mod queue;
mod report;
mod suite;

use std::process::ExitCode;

use anyhow::Result;

use crate::arch::Arch;
use crate::cache::Cache;
use crate::cli;
use crate::interrupt;
use crate::setup;
use crate::setup::kernel::{self, Version};
use report::{Outcome, Report};

/// The names of the suites that run in guests.
pub(crate) fn suites() -> impl Iterator<Item = &'static str> {
    suite::SUITES.iter().map(|suite| suite.name)
}

/// The guests that tests run in: all by default, or all of an architecture.
pub(crate) fn guests(arch: Option<Arch>) -> Result<Vec<(Arch, Version)>> {
    plan::all_guests(arch)
}

/// Runs everything asked for, failures and all, then reports.
pub(crate) fn command(cache: &Cache, options: &cli::Test) -> Result<ExitCode> {
    setup::build_tools(cache)?;
    let mut report = Report::default();
    if options.suite.is_empty() && options.arch.is_none() {
        host_part(cache, options.filter.as_deref(), &mut report)?;
    }
    if !options.host_only {
        let outcomes = guests_part(cache, options);
        interrupt::check()?;
        for outcome in outcomes.unwrap_or_else(|error| vec![Outcome::not_run("guests", &error)]) {
            report.add(outcome);
        }
    }
    println!("{report}");
    Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn guests_part(cache: &Cache, options: &cli::Test) -> Result<Vec<Outcome>> {
    let mut kernels = Vec::new();
    for asked in &options.kernel {
        match asked {
            kernel::Asked::One(version) => kernels.push(version.clone()),
            kernel::Asked::All => {
                let arch = options.arch.map_or_else(Arch::of_host, Ok)?;
                kernels.extend(kernel::all(cache, arch)?);
            }
        }
    }
    let mut once = Vec::new();
    kernels.retain(|kernel| {
        let is_new = !once.contains(kernel);
        once.extend(is_new.then(|| kernel.clone()));
        is_new
    });
    let filter = options.filter.as_deref();
    let kernels = (!kernels.is_empty()).then_some(kernels.as_slice());
    // Whoever names tests wants them everywhere.
    let may_skip = filter.is_none() && kernels.is_none();
    let asked = plan::Asked { arch: options.arch, kernels, suites: &options.suite, may_skip };
    guest::run(cache, asked, &options.boot, filter)
}

fn host_part(cache: &Cache, filter: Option<&str>, report: &mut Report) -> Result<()> {
    // Who names tests wants those, not the state of the whole tree.
    if filter.is_none() {
        for (name, mut command) in host::checks(cache)? {
            report.add(host::check(name, &mut command)?);
        }
        for (name, mut command, said) in host::refusals(cache)? {
            report.add(host::refusal(name, &mut command, said)?);
        }
    }
    report.add(host::unit_tests(filter)?);
    if filter.is_none() {
        report.add(host::fuzz()?);
    }
    Ok(())
}
