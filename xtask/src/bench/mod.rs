//! `cargo xtask bench`: what tracing costs, kernel by kernel, measured in instructions in a guest
//! that counts them, and some of it by the clock; how fast events are decoded; all held against the
//! bars the project has set itself.

mod bars;
mod beside;
mod goals;
mod guest;
mod host;
mod page;
mod report;
mod results;
mod table;

use std::process::ExitCode;

use anyhow::Result;

use crate::arch::Arch;
use crate::build;
use crate::cache::Cache;
use crate::cli;
use crate::interrupt;
use crate::process;
use crate::setup;
use crate::setup::kernel::Version;
use bars::Bar;
use guest::Programs;
use results::Results;

/// The page whose generated part the figures go to.
const PAGE: &str = "docs/performance.md";
/// The section that is of no kernel.
const DECODER: &str = "decoder";

/// Measures, prints, writes the page, and fails when a bar is missed.
pub(crate) fn command(cache: &Cache, options: &cli::Bench) -> Result<ExitCode> {
    setup::build_tools(cache)?;
    let date = process::quiet(process::command("date").args(["-u", "+%F"]))?;
    let date = date.trim();
    let arch = options.arch;
    let programs = guest::programs(cache, arch)?;
    let beside = match arch {
        Arch::X86_64 => None,
        Arch::Aarch64 => Some(guest::programs(cache, Arch::X86_64)?),
    };
    let mut bench = Bench { print_only: options.print_only, bars: 0, missed: 0 };
    // It is measured on this machine, and so no part of what another one costs.
    if beside.is_none() {
        let decode = host::decode()?;
        let bars = bars::of_decoder(&decode);
        bench.publish(DECODER, &report::of_decoder(&decode, date, &bars), &bars)?;
    }
    let mut failed = false;
    for version in &options.kernel {
        let name = section_name(arch, version);
        match kernel(cache, &programs, beside.as_ref(), version, date) {
            Ok((section, bars)) => bench.publish(&name, &section, &bars)?,
            // The figures of the other kernels are none the worse for it.
            Err(error) => {
                interrupt::check()?;
                eprintln!("Linux {version}: {error:#}");
                failed = true;
            }
        }
    }
    let Bench { bars, missed, .. } = bench;
    if missed > 0 {
        eprintln!("{missed} of {bars} bars missed");
    }
    let good = !failed && (missed == 0 || options.no_bars);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the section of a kernel is called: with its architecture unless that is the one that most is measured of.
fn section_name(arch: Arch, version: &Version) -> String {
    match arch {
        Arch::X86_64 => version.to_string(),
        Arch::Aarch64 => format!("{arch}-{version}"),
    }
}

/// The section of a kernel, and its bars. With programs of another architecture, what calls cost there is in it, too.
fn kernel(
    cache: &Cache,
    programs: &Programs,
    beside: Option<&Programs>,
    version: &Version,
    date: &str,
) -> Result<(String, Vec<Bar>)> {
    let results = Results::new(&guest::measure(cache, programs, version)?, date)?;
    let bars = bars::of_kernel(&results)?;
    let mut section = report::of_kernel(&version.to_string(), &results, &bars)?;
    if let Some(programs) = beside {
        let other = Results::new(&guest::measure_calls(cache, programs, version)?, date)?;
        section.push_str(&beside::table(&other, &results)?);
    }
    Ok((section, bars))
}

/// What has been measured so far.
struct Bench {
    print_only: bool,
    bars: usize,
    missed: usize,
}

impl Bench {
    /// Prints a section, and puts it into the page.
    fn publish(&mut self, name: &str, section: &str, bars: &[Bar]) -> Result<()> {
        println!("{section}");
        self.bars += bars.iter().filter(|bar| bar.is_set()).count();
        self.missed += bars.iter().filter(|bar| !bar.is_met()).count();
        if !self.print_only {
            page::put(&build::workspace().join(PAGE), name, section)?;
            eprintln!("Written to {PAGE}: {name}");
        }
        Ok(())
    }
}
