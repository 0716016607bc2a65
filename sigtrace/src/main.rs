//! Traces Linux signals: every signal call of the machine, decoded, as JSON Lines.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Result;
use clap::Parser as _;
use sigtrace::{
    agent,
    cli::{Cli, Command, Format, LogLevel, TraceArgs},
    doctor, list,
    options::{Options, UsageError},
};
use tracing::Level;

/// Exit status of a command line that cannot be meant.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let result = match Cli::parse() {
        Cli { command: None, trace } => run(trace),
        Cli { command: Some(Command::Trace(trace)), .. } => run(*trace),
        Cli { command: Some(Command::Doctor), .. } => doctor::write(&mut io::stdout().lock())
            .map(|possible| u8::from(!possible))
            .map_err(Into::into),
        Cli { command: Some(Command::List(args)), .. } => {
            print_list(args.format).map(|()| 0).map_err(Into::into)
        }
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sigtrace: {error:#}");
            ExitCode::from(if error.is::<UsageError>() { USAGE } else { 1 })
        }
    }
}

fn run(args: TraceArgs) -> Result<u8> {
    log(&args);
    agent::run(Options::new(args)?)
}

fn print_list(format: Format) -> io::Result<()> {
    let format = match format {
        Format::Json => list::ListFormat::Json,
        Format::Text => list::ListFormat::Text,
    };
    let mut out = io::stdout().lock();
    list::write(&mut out, format, None)?;
    out.flush()
}

/// Logs to stderr, never mixed into the stream.
fn log(args: &TraceArgs) {
    let level = match (args.log_level, args.quiet, args.verbose) {
        (Some(LogLevel::Error), ..) | (None, true, _) => Level::ERROR,
        (Some(LogLevel::Warn), ..) | (None, _, 0) => Level::WARN,
        (Some(LogLevel::Info), ..) | (None, _, 1) => Level::INFO,
        (Some(LogLevel::Debug), ..) | (None, _, 2) => Level::DEBUG,
        (Some(LogLevel::Trace), ..) | (None, ..) => Level::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .without_time()
        .with_target(false)
        .init();
}

/// A reader who has gone is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
