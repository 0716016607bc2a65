//! `cargo xtask bench`: what tracing costs, measured in instructions in a guest that counts them,
//! and how fast events are decoded, held against the bars the project has set itself.

mod bars;
mod guest;
mod host;
mod page;
mod results;
mod table;

use std::process::ExitCode;

use anyhow::Result;

use crate::build;
use crate::cache::Cache;
use crate::cli;
use crate::process;
use crate::setup;
use results::Results;

/// The page whose generated part the figures go to.
const PAGE: &str = "docs/performance.md";

/// Measures, prints, writes the page, and fails when a bar is missed.
pub(crate) fn command(cache: &Cache, options: &cli::Bench) -> Result<ExitCode> {
    setup::build_tools(cache)?;
    let measured = guest::measure(cache)?;
    let date = process::quiet(process::command("date").args(["-u", "+%F"]))?;
    let results = Results::new(&measured, host::decode()?, date.trim())?;
    let bars = bars::all(&results)?;
    let report = page::report(&results, &bars)?;
    println!("{report}");
    if !options.print_only {
        page::rewrite(&build::workspace().join(PAGE), &report)?;
        eprintln!("Written to {PAGE}");
    }
    let missed = bars.iter().filter(|bar| !bar.is_met()).count();
    if missed > 0 {
        eprintln!("{missed} of {} bars missed", bars.len());
    }
    Ok(if missed == 0 || options.no_bars { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
