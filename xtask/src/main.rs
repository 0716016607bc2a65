//! `cargo xtask`: everything around building sigtrace, from an empty machine to a tested binary.

mod arch;
mod bench;
mod build;
mod cache;
mod cli;
mod fuzz;
mod guest;
mod host;
mod image;
mod interrupt;
mod process;
mod progress;
mod run;
mod setup;
mod test;
mod vm;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use arch::Arch;
use cache::Cache;
use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(code) => code,
        Err(_) if interrupt::count() > 0 => ExitCode::from(interrupt::EXIT_CODE),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<ExitCode> {
    interrupt::install()?;
    let cache = Cache::open()?;
    match command {
        Command::Setup(options) => setup::all(&cache, &test::guests(options.arch)?)?,
        Command::Build(options) => {
            let arch = options.target.map_or_else(Arch::of_host, Ok)?;
            let program = build::sigtrace(&cache, arch, options.release)?;
            println!("{}", program.display());
        }
        Command::Run(options) => return run::command(&cache, options),
        Command::Test(options) => return test::command(&cache, options),
        Command::Fuzz(options) => return fuzz::command(options),
        Command::Bench(options) => return bench::command(&cache, options),
        Command::Vm(options) => return guest::command(&cache, options),
        Command::Image(options) => {
            let arch = options.arch.map_or_else(Arch::of_host, Ok)?;
            println!("{}", image::ensure(&cache, arch)?.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
