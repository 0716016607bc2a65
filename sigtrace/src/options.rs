//! What the command line means: every operand checked, nothing left to interpret.

mod lists;
mod pending;
mod ranges;
mod steps;
mod values;
mod who;

use std::{ffi::OsString, num::NonZeroU64, path::PathBuf, time::Duration};

use sigtrace_common::{Config, ERROR_WORDS, FEW, Offsets, SYSCALLS, kinds, select, side};

use crate::{
    arch,
    bpf::{Policy, Selection},
    cli::{EventKind, Format, Probe, Sets, TraceArgs},
    join::{Context, filter::Filter, redact::Redaction},
};

pub use self::{
    pending::query,
    steps::{Step, Steps},
    who::Who,
};

/// How long a call that normally does not wait can be under way before it is printed as unfinished.
pub const OVERDUE: Duration = Duration::from_secs(2);

/// An invalid command line: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{option}: {problem}")]
pub struct UsageError {
    /// The option, as the user writes it.
    pub option: &'static str,
    /// What is wrong with its operand, and the way out.
    pub problem: String,
}

/// What `trace` is to do.
#[derive(Debug)]
pub struct Options {
    /// What `who` is asked, if it is that.
    pub who: Option<Who>,
    /// What to trace.
    pub selection: Selection,
    /// By which of the options calls are left out, and when.
    pub steps: Steps,
    /// How events are written; by the kind of stdout if not said.
    pub format: Option<Format>,
    /// How signal sets are written.
    pub sets: Sets,
    /// Where events go instead of stdout.
    pub output: Option<PathBuf>,
    /// Whether they are appended to what is there.
    pub append: bool,
    /// How long a call that normally waits can be under way before it is printed as unfinished; for
    /// others it is [`OVERDUE`]. As long as it likes if not said.
    pub unfinished_after: Option<Duration>,
    /// What is taken for a secret among the arguments of processes, besides what is known.
    pub redaction: Redaction,
    /// Who processes are whose calls and ends are selected.
    pub identities: Filter,
    /// Write no more bytes of calls, returns and ends of processes a second.
    pub max_output_rate: Option<NonZeroU64>,
    /// Stop after so many calls and ends of processes.
    pub max_events: Option<u64>,
    /// Stop after so long.
    pub duration: Option<Duration>,
    /// Whether, and how often, to write a stats record.
    pub stats: Stats,
    /// Whether the accounting at the end stays unsaid.
    pub quiet: bool,
    /// Whether the probes are tried now and then.
    pub check: bool,
    /// The command to run and trace.
    pub cmd: Vec<OsString>,
    /// Remarks for the user: operands that were taken otherwise than written.
    pub notes: Vec<String>,
}

/// When stats records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stats {
    /// Never.
    Never,
    /// At the end.
    AtEnd,
    /// So often, and at the end.
    Every(Duration),
}

impl Options {
    /// Checks the command line.
    pub fn new(args: TraceArgs) -> Result<Self, UsageError> {
        let mut notes = Vec::new();
        let selection = selection(&args, &mut notes)?;
        let (redaction, identities) = (redaction(&args)?, identities(&args)?);
        let stats = match args.stats.as_deref() {
            None => Stats::Never,
            Some("") => Stats::AtEnd,
            Some(interval) => Stats::Every(values::duration("--stats", interval)?),
        };
        if args.max_events == Some(0) {
            return Err(usage("--max-events", "must be at least 1"));
        }
        Ok(Self {
            who: None,
            selection,
            steps: Steps::new(&args),
            format: args.format,
            sets: args.sets,
            output: args.output,
            append: args.append,
            unfinished_after: time("--unfinished-after", args.unfinished_after)?,
            redaction,
            identities,
            max_output_rate: args.max_output_rate.as_deref().map(values::rate).transpose()?,
            max_events: args.max_events,
            duration: time("--duration", args.duration)?,
            stats,
            quiet: args.quiet,
            check: !args.no_check,
            cmd: args.cmd,
            notes,
        })
    }
}

fn time(option: &'static str, operand: Option<String>) -> Result<Option<Duration>, UsageError> {
    operand.map(|text| values::duration(option, &text)).transpose()
}

/// Refuses what is only about system calls.
fn no_option_for_calls(args: &TraceArgs) -> Result<(), UsageError> {
    let given = [
        ("--syscall", !args.syscall.is_empty()),
        ("--failed", args.failed),
        ("--error", !args.error.is_empty()),
        ("--min-duration", args.min_duration.is_some()),
        ("--no-probe", args.no_probe),
        ("--unfinished-after", args.unfinished_after.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(usage(
            option,
            "is about system calls, which --events leaves out; add syscall to it",
        )),
        None => Ok(()),
    }
}

fn identities(args: &TraceArgs) -> Result<Filter, UsageError> {
    for (option, operands) in
        [("--exe", &args.exe), ("--unit", &args.unit), ("--container", &args.container)]
    {
        if !operands.is_empty() && args.context == Context::None {
            return Err(usage(option, "needs --context basic or full"));
        }
        if operands.iter().any(String::is_empty) {
            return Err(usage(option, "has an empty name"));
        }
    }
    Ok(Filter {
        exes: args.exe.iter().map(|exe| exe.clone().into_bytes()).collect(),
        units: args.unit.clone(),
        containers: args.container.clone(),
    })
}

fn redaction(args: &TraceArgs) -> Result<Redaction, UsageError> {
    if !args.redact.is_empty() && args.context != Context::Full {
        return Err(usage("--redact", "is about arguments, which --context full prints"));
    }
    if args.redact.iter().any(|word| !word.bytes().any(|byte| byte.is_ascii_alphanumeric())) {
        return Err(usage("--redact", "a word has at least one letter or digit"));
    }
    Ok(Redaction::new(args.redact.iter().map(String::as_str)))
}

fn usage(option: &'static str, problem: impl Into<String>) -> UsageError {
    UsageError { option, problem: problem.into() }
}

fn selection(args: &TraceArgs, notes: &mut Vec<String>) -> Result<Selection, UsageError> {
    let mut config = Config {
        select: if args.own { 0 } else { select::NOT_SELF },
        signals: 0,
        min_duration_ns: 0,
        errors: [0; ERROR_WORDS],
        comms: [[0; 2]; FEW],
        target_comms: [[0; 2]; FEW],
        target_cgroup: 0,
        tids: [0; FEW],
        uids: [0; FEW],
        target_uids: [0; FEW],
        self_pid: std::process::id(),
        wakeup_bytes: 0,
        ring_bits: 0,
        has_shares: u32::from(!args.no_shares),
        slot_mask: 0,
        access: 0,
        kinds: 0,
        tick_us: 0,
        page_shift: 0,
        stack_size: 0,
        offsets: Offsets::default(),
    };
    let mut use_filter = |filter: u64, used: bool| {
        config.select |= if used { filter } else { 0 };
    };
    // What is done to a command is as much about it as what it does.
    use_filter(select::EITHER, !args.pid.is_empty() || !args.cmd.is_empty());
    use_filter(select::CALLER, !args.caller.is_empty());
    use_filter(select::TARGET, !args.target.is_empty());
    let tids = values::numbers("--tid", &args.tid)?;
    use_filter(select::FEW_TIDS, is_few(&tids));
    use_filter(select::TID, tids.len() > FEW);
    let uids = values::numbers("--uid", &args.uid)?;
    use_filter(select::FEW_UIDS, is_few(&uids));
    use_filter(select::UID, uids.len() > FEW);
    let comms = values::comms("--comm", &args.comm, notes)?;
    use_filter(select::FEW_COMMS, is_few(&comms));
    use_filter(select::COMM, comms.len() > FEW);
    use_filter(select::CGROUP, args.cgroup.is_some());
    let target_uids = values::numbers("--target-uid", &args.target_uid)?;
    use_filter(select::FEW_TARGET_UIDS, is_few(&target_uids));
    use_filter(select::TARGET_UID, target_uids.len() > FEW);
    let target_comms = values::comms("--target-comm", &args.target_comm, notes)?;
    use_filter(select::FEW_TARGET_COMMS, is_few(&target_comms));
    use_filter(select::TARGET_COMM, target_comms.len() > FEW);
    use_filter(select::TARGET_CGROUP, args.target_cgroup.is_some());
    use_filter(select::SIGNAL, !args.signal.is_empty() || !args.signal_in_set.is_empty());
    use_filter(select::IN_SET, !args.signal_in_set.is_empty());
    use_filter(select::NO_PROBE, args.no_probe);
    use_filter(select::FAILED, args.failed);
    use_filter(select::ERROR, !args.error.is_empty());
    use_filter(select::MIN_DURATION, args.min_duration.is_some());
    use_filter(select::CONTEXT, args.context != Context::None);
    use_filter(select::ARGS, args.context == Context::Full);
    use_filter(select::FOLLOW, args.follow || !args.cmd.is_empty());

    let pids = values::sides(
        [
            ("--pid", &args.pid, side::EITHER),
            ("--caller", &args.caller, side::CALLER),
            ("--target", &args.target, side::TARGET),
        ],
        notes,
    )?;
    if args.follow && pids.is_empty() {
        return Err(usage("--follow", "needs --pid, --caller or --target"));
    }
    config.tids = few(&tids, |&tid| tid);
    config.uids = few(&uids, |&uid| uid);
    config.comms = few(&comms, words);
    config.target_uids = few(&target_uids, |&uid| uid);
    config.target_comms = few(&target_comms, words);
    if let Some(path) = &args.target_cgroup {
        config.target_cgroup = values::cgroup_id("--target-cgroup", path)?;
    }
    config.signals = if args.signal_in_set.is_empty() {
        lists::signals("--signal", &args.signal)?
    } else {
        lists::signals("--signal-in-set", &args.signal_in_set)?
    };
    config.errors = lists::errors(&args.error)?;
    if let Some(text) = &args.min_duration {
        let duration = values::duration("--min-duration", text)?;
        config.min_duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    }
    let has_kind = |kind| args.events.iter().any(|chosen| [kind, EventKind::All].contains(chosen));
    for (kind, bit) in [
        (EventKind::Generate, kinds::GENERATE),
        (EventKind::Deliver, kinds::DELIVER),
        (EventKind::Exit, kinds::EXIT),
    ] {
        config.kinds |= if has_kind(kind) { bit } else { 0 };
    }
    Ok(Selection {
        context: args.context,
        rows: if !has_kind(EventKind::Syscall) {
            no_option_for_calls(args)?;
            Vec::new()
        } else if args.syscall.is_empty() {
            (0..SYSCALLS.len()).collect()
        } else {
            lists::syscalls(&args.syscall)?
        },
        policy: match args.probe {
            Probe::Auto => Policy::Auto,
            Probe::Kprobe => Policy::Kprobe,
            Probe::Multi => Policy::Multi,
            Probe::Session => Policy::Session,
            Probe::Fentry => Policy::Fentry,
        },
        btf: args.types.btf.clone(),
        config,
        pids,
        tids,
        uids,
        comms,
        target_uids,
        target_comms,
        cgroup: args.cgroup.as_deref().map(|path| values::cgroup("--cgroup", path)).transpose()?,
        ring_size: values::ring_size(&args.ring_size, arch::page_size().into(), notes)?,
        slots: args.slots.as_deref().map(|text| values::slots(text, notes)).transpose()?,
    })
}

fn is_few<T>(values: &[T]) -> bool {
    (1..=FEW).contains(&values.len())
}

/// The first few values, the last of them again where there are no more.
fn few<T, W: Copy + Default>(values: &[T], word: impl Fn(&T) -> W) -> [W; FEW] {
    std::array::from_fn(|i| values.get(i).or(values.last()).map_or(W::default(), &word))
}

/// A name as the kernel side compares it.
fn words(comm: &[u8; 16]) -> [u64; 2] {
    [0, 8].map(|start| {
        let mut word = [0; 8];
        word.copy_from_slice(&comm[start..start + 8]);
        u64::from_ne_bytes(word)
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn options(args: &[&str]) -> Result<Options, UsageError> {
        Options::new(Cli::parse_from([&["sigtrace"], args].concat()).trace)
    }

    #[test]
    fn calls_that_wait_are_told_late_only_if_asked_for() {
        assert_eq!(options(&[]).unwrap().unfinished_after, None);
        let asked = options(&["--unfinished-after", "1m30s"]).unwrap();
        assert_eq!(asked.unfinished_after, Some(Duration::from_secs(90)));
    }

    #[test]
    fn kinds_of_events_are_calls_unless_others_are_chosen() {
        let chosen = |args: &[&str]| {
            let Selection { rows, config, .. } = options(args).unwrap().selection;
            (rows.len(), config.kinds)
        };
        assert_eq!(chosen(&[]), (SYSCALLS.len(), 0));
        assert_eq!(chosen(&["--events", "exit"]), (0, kinds::EXIT));
        assert_eq!(chosen(&["--events", "exit,syscall", "-s", "kill"]), (1, kinds::EXIT));
        assert_eq!(chosen(&["--events", "generate"]), (0, kinds::GENERATE));
        let all = (SYSCALLS.len(), kinds::GENERATE | kinds::DELIVER | kinds::EXIT);
        assert_eq!(chosen(&["--events", "all"]), all);
    }

    #[test]
    fn options_for_calls_are_refused_where_there_are_none() {
        for option in [
            ["--syscall", "kill"],
            ["--failed", "--quiet"],
            ["--error", "ESRCH"],
            ["--min-duration", "1ms"],
            ["--no-probe", "--quiet"],
            ["--unfinished-after", "1s"],
        ] {
            let error = options(&[&["--events", "exit"], &option[..]].concat()).unwrap_err();
            let name = option[0];
            assert_eq!(
                error.to_string(),
                format!(
                    "{name}: is about system calls, which --events leaves out; add syscall to it"
                )
            );
            assert!(options(&[&["--events", "all"], &option[..]].concat()).is_ok(), "{name}");
        }
    }

    #[test]
    fn who_processes_are_is_asked_for_before_it_selects() {
        for option in ["--exe", "--unit", "--container"] {
            let error = options(&[option, "x"]).unwrap_err();
            assert_eq!(error.to_string(), format!("{option}: needs --context basic or full"));
            assert!(options(&[option, "x,y", "--context", "basic"]).is_ok());
        }
        let error = options(&["--redact", "x", "--context", "basic"]).unwrap_err();
        assert_eq!(error.to_string(), "--redact: is about arguments, which --context full prints");
        assert!(options(&["--redact=--", "--context", "full"]).is_err());
        let known = options(&["--context", "full"]).unwrap().selection;
        assert_eq!(
            known.config.select & (select::CONTEXT | select::ARGS),
            select::CONTEXT | select::ARGS
        );
        let nothing = options(&[]).unwrap();
        assert_eq!(nothing.selection.config.select & (select::CONTEXT | select::ARGS), 0);
        assert!(nothing.identities.is_empty());
    }

    #[test]
    fn the_last_of_several_rates_counts_and_without_one_there_is_no_limit() {
        let rate = |args: &[&str]| options(args).map(|options| options.max_output_rate);
        assert_eq!(rate(&[]).unwrap(), None);
        let args = ["--max-output-rate", "32K", "-s", "kill", "--max-output-rate", "1M"];
        assert_eq!(rate(&args).unwrap(), NonZeroU64::new(1 << 20));
        // As an operand of its own, too, it is taken for one.
        assert_eq!(
            rate(&["--max-output-rate", "-1"]).unwrap_err().to_string(),
            "--max-output-rate: \"-1\" is not a number of bytes a second between 1 and 1G, such as 64K"
        );
    }

    #[test]
    fn a_time_that_is_none_is_refused_by_the_name_of_its_option() {
        for option in ["--unfinished-after", "--duration", "--min-duration"] {
            assert_eq!(
                options(&[option, "soon"]).unwrap_err().to_string(),
                format!(
                    "{option}: \"soon\" is not a positive duration of at most 100 years, such as 10s, \
                     1ms or 1m30s"
                )
            );
        }
    }
}
