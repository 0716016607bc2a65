//! The command line, as written. [`options`](crate::options) makes sense of it.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Args, CommandFactory as _, Parser, Subcommand, ValueEnum,
    builder::StyledStr,
    error::{ContextKind, ContextValue},
};

use crate::join::Context;

/// Traces Linux signals: every signal syscall on the machine, decoded, as JSON Lines.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Without a command, sigtrace traces. Exit status: 0 success, 1 failure, 2 usage error; with \
                  -- CMD the status of CMD, 128+N if signal N killed it (stderr names the signal), 126 if it \
                  cannot be executed, 127 if it is not found."
)]
pub struct Cli {
    /// What to do; tracing if no command is given.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Options of the default command.
    #[command(flatten)]
    pub trace: TraceArgs,
}

impl Cli {
    /// The command line of this process; ends it if that is none, or asks for help.
    pub fn of_process() -> Self {
        Self::try_parse().map_err(explain).unwrap_or_else(|error| error.exit())
    }
}

/// Says what to do about a command that comes after an option.
fn explain(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(unexpected)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    if Cli::command().find_subcommand(unexpected).is_some() {
        let tip = format!(
            "a command comes first, its options after it: 'sigtrace {unexpected} [OPTIONS]'"
        );
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    }
    error
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Stream events until interrupted, or until CMD ends (the default)
    Trace(Box<TraceArgs>),
    /// Say of each process that dies of a signal who or what killed it, as it happens
    Who(Box<WhoArgs>),
    /// Show what this kernel offers, what is missing, and how to fix it
    Doctor(DoctorArgs),
    /// List the syscalls with their arguments, groups and probe points
    List(ListArgs),
    /// Show which signals are pending now, and which would have no effect, and why; needs no probes
    Pending(PendingArgs),
    /// Print the JSON Schema of the events
    Schema,
    /// Say which functions code is in: what the agent starts for itself, without rights
    #[command(hide = true)]
    ReadSymbols,
}

/// Where the kernel's types come from.
#[derive(Debug, Args)]
pub struct TypesArgs {
    /// Read the types of a kernel that has no BTF of its own from FILE, which is BTF of exactly this kernel
    #[arg(long, value_name = "FILE", help_heading = "Probing")]
    pub btf: Option<PathBuf>,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Where the kernel's types come from.
    #[command(flatten)]
    pub types: TypesArgs,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `pending`.
#[derive(Debug, Args)]
pub struct PendingArgs {
    /// These processes, in words; without any, a table of all processes for which a signal is pending,
    /// or would have no effect
    #[arg(value_name = "PID")]
    pub pid: Vec<String>,
    /// These signals, besides pending ones: names, numbers and ranges
    #[arg(short = 'S', long, value_name = "LIST", default_value = "HUP,INT,TERM,CHLD")]
    pub signal: Vec<String>,
    /// Text, or one JSON object per process
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Show all columns of the table, even those that do not fit the terminal
    #[arg(short, long)]
    pub wide: bool,
}

/// Options of `who`.
#[derive(Debug, Args)]
pub struct WhoArgs {
    /// Only if one of these processes dies: ids and ranges, such as 100-200
    #[arg(short, long, value_name = "PID,...", help_heading = "Selection")]
    pub pid: Vec<String>,
    /// With --pid: include descendants, those that exist and those to come
    #[arg(short, long, requires = "pid", help_heading = "Selection")]
    pub follow: bool,
    /// Only processes with these names
    #[arg(short, long, value_name = "NAME,...", help_heading = "Selection")]
    pub comm: Vec<String>,
    /// Only processes of these users: ids and ranges, such as 1000-1999
    #[arg(short, long, value_name = "UID,...", help_heading = "Selection")]
    pub uid: Vec<String>,
    /// Only processes in this control group and those below it
    #[arg(long, value_name = "PATH", help_heading = "Selection")]
    pub cgroup: Option<PathBuf>,
    /// Only processes that execute one of these files
    #[arg(long, value_name = "PATH,...", value_delimiter = ',', help_heading = "Selection")]
    pub exe: Vec<String>,
    /// Only processes of one of these systemd units
    #[arg(long, value_name = "UNIT,...", value_delimiter = ',', help_heading = "Selection")]
    pub unit: Vec<String>,
    /// Only processes in one of these containers: ids, at least 12 digits of them, or names
    #[arg(long, value_name = "ID,...", value_delimiter = ',', help_heading = "Selection")]
    pub container: Vec<String>,
    /// Only these signals: names, numbers, and ranges; !name excludes one
    #[arg(short = 'S', long, value_name = "LIST", help_heading = "Selection")]
    pub signal: Vec<String>,
    /// Also say what signals did that killed nobody: stops, handlers, signals that were ignored or are
    /// blocked. Those of timers, children and descriptors are left out
    #[arg(short, long, help_heading = "Selection")]
    pub all: bool,

    /// A line in words, or one JSON object per death: an `exit` event with its `generate`
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    pub format: Format,
    /// How much is said of the processes
    #[arg(long, value_enum, default_value_t = Context::Full, help_heading = "Output")]
    pub context: Context,
    /// Also take for secrets what is given to options and variables with these words in their names
    #[arg(long, value_name = "WORD,...", value_delimiter = ',', help_heading = "Output")]
    pub redact: Vec<String>,
    /// Write to FILE instead of stdout
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Append to FILE instead of emptying it first
    #[arg(short = 'A', long, requires = "output", help_heading = "Output")]
    pub append: bool,
    /// Stop after N deaths
    #[arg(short = 'n', long, value_name = "N", help_heading = "Output")]
    pub max_events: Option<u64>,
    /// Stop after this time, such as 10s
    #[arg(long, value_name = "TIME", help_heading = "Output")]
    pub duration: Option<String>,
    /// Print more messages on stderr; give it twice for even more
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Print only errors on stderr
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Size of the ring between kernel and agent, such as 8M
    #[arg(long, value_name = "SIZE", default_value = "4M", help_heading = "Probing")]
    pub ring_size: String,

    /// Where the kernel's types come from.
    #[command(flatten)]
    pub types: TypesArgs,

    /// Run CMD, say who kills it and its descendants, and exit with its status
    #[arg(last = true, value_name = "CMD", num_args = 1..)]
    pub cmd: Vec<OsString>,
}

/// Options of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Where the kernel's types come from.
    #[command(flatten)]
    pub types: TypesArgs,
    /// A table, or one JSON object per line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Show all columns of the table, even those that do not fit the terminal; a file, a pipe and
    /// JSON always get all of them
    #[arg(short, long)]
    pub wide: bool,
}

/// Options of `trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Only calls whose caller or target is one of these processes: ids and ranges, such as 100-200
    #[arg(short, long, value_name = "PID,...", help_heading = "Selection")]
    pub pid: Vec<String>,
    /// Only calls by one of these processes: ids and ranges
    #[arg(long, value_name = "PID,...", help_heading = "Selection")]
    pub caller: Vec<String>,
    /// Only calls aimed at one of these processes: ids and ranges
    #[arg(long, value_name = "PID,...", help_heading = "Selection")]
    pub target: Vec<String>,
    /// Only calls aimed at threads with these names; one target must match this and every other
    /// --target option
    #[arg(long, value_name = "NAME,...", help_heading = "Selection")]
    pub target_comm: Vec<String>,
    /// Only calls aimed at processes of these users: ids and ranges
    #[arg(long, value_name = "UID,...", help_heading = "Selection")]
    pub target_uid: Vec<String>,
    /// Only calls aimed at processes in this control group and those below it
    #[arg(long, value_name = "PATH", help_heading = "Selection")]
    pub target_cgroup: Option<PathBuf>,
    /// Only calls by one of these threads: ids and ranges
    #[arg(short, long, value_name = "TID,...", help_heading = "Selection")]
    pub tid: Vec<String>,
    /// With --pid, --caller or --target: include descendants, those that exist and those to come
    #[arg(short, long, help_heading = "Selection")]
    pub follow: bool,
    /// Kinds of events. `exit` is the end of a process by a signal, selected by --pid and --signal, and by the
    /// --target options or, without those, by the options for callers; it needs BTF
    #[arg(
        long,
        value_name = "KIND,...",
        value_enum,
        value_delimiter = ',',
        default_value = "syscall",
        help_heading = "Selection"
    )]
    pub events: Vec<EventKind>,
    /// Only these syscalls: names and groups (@send @action @mask @wait @stack @fd); !name excludes
    /// one
    #[arg(short, long, value_name = "LIST", help_heading = "Selection")]
    pub syscall: Vec<String>,
    /// Only calls that name one of these signals, or that block or unblock one: SIGTERM, term, 15,
    /// RTMIN+3, and ranges, such as 32-64 or RTMIN-RTMAX-2; !name and !range exclude
    #[arg(short = 'S', long, value_name = "LIST", help_heading = "Selection")]
    pub signal: Vec<String>,
    /// As --signal, but select calls that change the mask by the set that they name, whatever changes
    #[arg(long, value_name = "LIST", conflicts_with = "signal", help_heading = "Selection")]
    pub signal_in_set: Vec<String>,
    /// Only calls by threads with these names
    #[arg(short, long, value_name = "NAME,...", help_heading = "Selection")]
    pub comm: Vec<String>,
    /// Only calls by these users: ids and ranges, such as 1000-1999
    #[arg(short, long, value_name = "UID,...", help_heading = "Selection")]
    pub uid: Vec<String>,
    /// Only calls from this control group and those below it
    #[arg(long, value_name = "PATH", help_heading = "Selection")]
    pub cgroup: Option<PathBuf>,
    /// Only calls whose caller or target executes one of these files, paths or last names; needs --context, as
    /// do the next two, and one process must match all of them
    #[arg(long, value_name = "FILE,...", value_delimiter = ',', help_heading = "Selection")]
    pub exe: Vec<String>,
    /// Only calls whose caller or target is of one of these systemd units
    #[arg(long, value_name = "UNIT,...", value_delimiter = ',', help_heading = "Selection")]
    pub unit: Vec<String>,
    /// Only calls whose caller or target is of one of these containers: ids, at least 12 digits of them, or names
    #[arg(long, value_name = "ID,...", value_delimiter = ',', help_heading = "Selection")]
    pub container: Vec<String>,
    /// Only calls that failed
    #[arg(long, help_heading = "Selection")]
    pub failed: bool,
    /// Only calls that failed with one of these errors
    #[arg(long, value_name = "ERRNO,...", help_heading = "Selection")]
    pub error: Vec<String>,
    /// Only calls that took at least this long, such as 1ms
    #[arg(long, value_name = "TIME", help_heading = "Selection")]
    pub min_duration: Option<String>,
    /// Leave out sends of signal 0, which only check whether a process exists
    #[arg(long, help_heading = "Selection")]
    pub no_probe: bool,
    /// Trace sigtrace's own calls too; otherwise they are neither printed nor counted
    #[arg(long = "self", help_heading = "Selection")]
    pub own: bool,

    /// Tell who the processes are that events name: `basic` adds the executable, the unit, the container and
    /// the parents, `full` also the arguments, without what looks like a secret; they need BTF
    #[arg(long, value_enum, default_value_t = Context::None, value_name = "DEPTH",
          help_heading = "Output")]
    pub context: Context,
    /// With --context full: also take for secrets what is given to options and variables with these words in
    /// their names
    #[arg(long, value_name = "WORD,...", value_delimiter = ',', help_heading = "Output")]
    pub redact: Vec<String>,
    /// JSON Lines, or one strace-like line per event [default: text on a terminal, else json]
    #[arg(long, value_enum, help_heading = "Output")]
    pub format: Option<Format>,
    /// Write events to FILE instead of stdout
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Append to FILE instead of emptying it first
    #[arg(short = 'A', long, requires = "output", help_heading = "Output")]
    pub append: bool,
    /// Print signal sets as arrays of names, or as hexadecimal masks
    #[arg(long, value_enum, default_value_t = Sets::Names, help_heading = "Output")]
    pub sets: Sets,
    /// Print a call that waits, such as pause, as unfinished if it has not returned after this time,
    /// such as 10s; for other calls the time is 2s
    #[arg(long, value_name = "TIME", help_heading = "Output")]
    pub unfinished_after: Option<String>,
    /// Write at most this many bytes of events a second, such as 64K, and after a quiet time 30 times as
    /// many at once; users other than root can have a quarter of it each. Calls beyond that are counted as
    /// lost. If given twice, the last counts
    #[arg(
        long,
        value_name = "BYTES",
        overrides_with = "max_output_rate",
        allow_negative_numbers = true,
        help_heading = "Output"
    )]
    pub max_output_rate: Option<String>,
    /// Stop after N calls and ends of processes
    #[arg(short = 'n', long, value_name = "N", help_heading = "Output")]
    pub max_events: Option<u64>,
    /// Stop after this time, such as 10s
    #[arg(long, value_name = "TIME", help_heading = "Output")]
    pub duration: Option<String>,
    /// Print a stats record at the end, and also every INTERVAL if given
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = false,
          default_missing_value = "", help_heading = "Output")]
    pub stats: Option<String>,
    /// Print more messages on stderr; give it twice for even more
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Print only errors on stderr
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Level of the messages on stderr
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "Output")]
    pub log_level: Option<LogLevel>,

    /// Probing mechanism; see `sigtrace doctor` for the risks of each
    #[arg(long, value_enum, default_value_t = Probe::Auto, help_heading = "Probing")]
    pub probe: Probe,
    /// Size of the ring between kernel and agent, such as 8M
    #[arg(long, value_name = "SIZE", default_value = "4M", help_heading = "Probing")]
    pub ring_size: String,
    /// Let one user fill the ring, so that others' calls are lost: no shares, and nothing is merged
    #[arg(long, help_heading = "Probing")]
    pub no_shares: bool,
    /// Do not test the probes periodically; the tests are harmless calls that other tracers see
    #[arg(long, help_heading = "Probing")]
    pub no_check: bool,
    /// Maximum number of calls under way at once, 256 bytes each [default: the maximum number of
    /// threads, 1024 to 262144]
    #[arg(long, value_name = "N", help_heading = "Probing")]
    pub slots: Option<String>,

    /// Where the kernel's types come from.
    #[command(flatten)]
    pub types: TypesArgs,

    /// Run CMD, trace what it and its descendants do and what is done to them, and exit with its status
    #[arg(last = true, value_name = "CMD", num_args = 1..)]
    pub cmd: Vec<OsString>,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventKind {
    /// A system call
    Syscall,
    /// A signal as it is sent
    Generate,
    /// A signal as it is taken
    Deliver,
    /// The end of a process by a signal
    Exit,
    /// All of these
    All,
}

/// Formats of events and listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object per line
    Json,
    /// Text for people
    Text,
}

/// Forms of signal sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sets {
    /// Arrays of names
    Names,
    /// Hexadecimal masks
    Mask,
}

/// Probing mechanisms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Probe {
    /// For each call, the cheapest mechanism that loses nothing on this kernel
    Auto,
    /// kprobe/kretprobe pairs for all: returns of sleeping callers can be missed
    Kprobe,
    /// One kprobe.multi program for the entries, trampolines (fexit) for the returns
    #[value(name = "kprobe.multi")]
    Multi,
    /// One kprobe.session program for entries and returns: before 6.14 sleeping callers can hide calls
    #[value(name = "kprobe.session")]
    Session,
    /// Trampolines (fentry/fexit) for all calls except those that sleep: the cheapest
    Fentry,
}

/// Log levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Errors
    Error,
    /// Errors and warnings
    Warn,
    /// Also what sigtrace does
    Info,
    /// Also how it does it
    Debug,
    /// Everything
    Trace,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &[&str]) -> String {
        let given = [&["sigtrace"], line].concat();
        explain(Cli::try_parse_from(given).unwrap_err()).to_string()
    }

    #[test]
    fn a_command_that_comes_after_an_option_is_said_to_come_first() {
        for (line, command) in
            [(&["-v", "who", "--all"][..], "who"), (&["-p", "1", "list"], "list")]
        {
            let tip = format!(
                "tip: a command comes first, its options after it: 'sigtrace {command} [OPTIONS]'"
            );
            assert!(error(line).contains(&tip), "{}", error(line));
        }
        for line in [&["-v", "nobody"][..], &["who", "--al1"]] {
            assert!(!error(line).contains("comes first"), "{}", error(line));
        }
    }
}
