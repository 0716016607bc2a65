//! Traces Linux signals: every signal syscall on the machine, decoded, as JSON Lines.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Result;
use sigtrace::{
    agent::{self, CannotRun},
    bpf::{Policy, outlook},
    cli::{Cli, Command, Format, ListArgs, PendingArgs, TraceArgs, WhoArgs},
    doctor::{self, DoctorFormat},
    join::procfs,
    list::{self, ListFormat},
    log,
    options::{self, Options, UsageError},
    pending, schema,
    stderr::say,
    symbols, terminal,
};

/// Exit status for an invalid command line.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let result = match Cli::of_process() {
        Cli { command: None, trace } => run(trace),
        Cli { command: Some(Command::Trace(trace)), .. } => run(*trace),
        Cli { command: Some(Command::Who(args)), .. } => who(*args),
        Cli { command: Some(Command::Doctor(args)), .. } => {
            let format = match args.format {
                Format::Text => DoctorFormat::Text,
                Format::Json => DoctorFormat::Json,
            };
            let written =
                doctor::write(&mut io::stdout().lock(), format, args.types.btf.as_deref());
            printed(written.map(|possible| u8::from(!possible)))
        }
        Cli { command: Some(Command::List(args)), .. } => printed(print_list(&args).map(|()| 0)),
        Cli { command: Some(Command::Pending(args)), .. } => print_pending(&args),
        Cli { command: Some(Command::ReadSymbols), .. } => symbols::serve().map(|()| 0),
        Cli { command: Some(Command::Schema), .. } => {
            printed(schema::write(&mut io::stdout().lock()).map(|()| 0))
        }
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            say(format_args!("{error:#}"));
            ExitCode::from(status_of(&error))
        }
    }
}

/// The exit status that tells of an error.
fn status_of(error: &anyhow::Error) -> u8 {
    if error.is::<UsageError>() {
        return USAGE;
    }
    error.downcast_ref::<CannotRun>().map_or(1, CannotRun::status)
}

/// A reader who has gone is no failure.
fn printed(result: io::Result<u8>) -> Result<u8> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        other => Ok(other?),
    }
}

fn run(args: TraceArgs) -> Result<u8> {
    log::to_stderr(log::level(args.log_level, args.quiet, args.verbose));
    agent::run(Options::new(args)?)
}

fn who(args: WhoArgs) -> Result<u8> {
    let level = log::level(None, args.quiet, args.verbose);
    log::to_stderr(level);
    agent::run(Options::who(args)?)
}

fn print_list(args: &ListArgs) -> io::Result<()> {
    let format = match (args.format, terminal::width()) {
        (Format::Json, _) => ListFormat::Json,
        (Format::Text, Some(width)) if !args.wide => ListFormat::Within(width),
        (Format::Text, _) => ListFormat::Text,
    };
    let probes = outlook::mechanisms(Policy::Auto, args.types.btf.as_deref()).map(list::probes);
    if let Err(error) = &probes {
        say(format_args!("warning: cannot tell how each call is probed: {error:#}"));
    }
    let mut out = io::stdout().lock();
    list::write(&mut out, format, probes.ok().as_deref())?;
    out.flush()
}

fn print_pending(args: &PendingArgs) -> Result<u8> {
    let query = options::query(args, terminal::width())?;
    let mut missing = |pid| {
        if procfs::hides(pid) {
            say(format_args!("/proc hides process {pid} from us (hidepid); run sigtrace as root"));
        } else {
            say(format_args!("no process has the id {pid}"));
        }
    };
    let mut out = io::stdout().lock();
    let proc = Path::new("/proc");
    let written = pending::write(&mut out, proc, &query, &mut missing);
    // Of root, and so hidden from whoever something is hidden from.
    if query.pids.is_empty() && procfs::hides(1) {
        say(format_args!(
            "/proc hides processes from us (hidepid); run sigtrace as root to see all"
        ));
    }
    printed(written.and_then(|all_there| out.flush().map(|()| u8::from(!all_there))))
}
