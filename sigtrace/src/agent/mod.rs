//! The agent: load, attach, stream until told to stop, detach, drain, account.

mod account;
mod child;
mod clock;
mod crowd;
mod culprits;
mod deaths;
mod ended;
mod entry;
mod ids;
mod kinds;
mod known;
mod manager;
mod nothing;
mod privileges;
mod pump;
mod queue;
mod rate;
mod readiness;
mod room;
mod shutdown;
mod sink;
mod streams;
mod sweep;
mod takers;
mod throttle;
mod told;
mod trials;
mod unfollowed;
mod watch;
mod why;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, IsTerminal as _},
    os::fd::AsRawFd as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context as _, Result, anyhow};
use aya::maps::{MapData, RingBuf};
use aya_log::EbpfLogger;
use sigtrace_common::{Counter, Phase, side};
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::oneshot,
    task::spawn_blocking,
    time::{Instant, sleep},
};

pub use self::ended::CannotRun;
use self::{
    account::Account,
    child::Child,
    crowd::Crowd,
    deaths::Deaths,
    kinds::Kinds,
    known::Known,
    pump::{Joins, Pump},
    rate::Rate,
    readiness::register,
    shutdown::{End, Shutdown, at},
    sink::Sink,
    sweep::Sweep,
    takers::Takers,
    unfollowed::Unfollowed,
    watch::Watch,
    why::Why,
};
pub(crate) use self::{
    account::{Incomplete, Losses, Returns},
    ids::MAX as MAX_ID,
    kinds::{fates as kind_fates, names as kind_names},
    known::counts as context_counts,
};
use crate::{
    bpf::{self, Attached, Kernel, Mechanism, Selection, support},
    cli,
    join::{Context, procfs::Found, redact::Redaction},
    options::{Options, Stats},
    output::{self, Format, Users},
    stderr::{say, say_line},
    symbols::Symbols,
};

/// How long the agent sleeps between looks at the ring: from this much while events come …
const SHORTEST_NAP: Duration = Duration::from_millis(20);
/// … to this much when none do. A ring that fills up wakes it.
const LONGEST_NAP: Duration = Duration::from_millis(80);

/// Traces as `options` say. Returns the exit status.
pub fn run(mut options: Options) -> Result<u8> {
    for note in &options.notes {
        tracing::warn!("{note}");
    }
    support::check()?;
    // Before the runtime, as forking wants a single thread.
    let child = match options.cmd.as_slice() {
        [] => None,
        cmd => Some(Child::fork(cmd)?),
    };
    if let Some(child) = &child {
        *options.selection.pids.entry(child.pid).or_insert(0) |= side::EITHER;
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(trace(options, child))
}

async fn trace(options: Options, child: Option<Child>) -> Result<u8> {
    // First, so that a signal while the probes are being attached ends it in order, too.
    let mut shutdown = Shutdown::new(options.duration)?;
    let (sink, format) = (open(&options)?, format(&options));
    // Who reads the events reads the last words among them, which so are one.
    let ends_with_stats =
        options.output.is_none() && !options.quiet && options.who.is_none() && streams::are_one();
    let stats = match options.stats {
        Stats::Never if ends_with_stats => Stats::AtEnd,
        stats => stats,
    };
    let (chosen, filters) = (options.selection.config.kinds, options.selection.config.select);
    let kinds = Kinds::new(chosen);
    let context = options.selection.context;
    let symbols = symbols(context);
    let (attached, found, ended) =
        attach(options.selection, options.redaction.clone(), &mut shutdown).await?;
    let Attached { mut kernel, shared, probes, mut misses, logger } = attached?;
    let _logger = logger.and_then(kernel_log);
    let mut ring = register(shared.ring, Interest::READABLE).context("cannot poll the ring")?;
    let known = (context != Context::None).then(|| {
        let mut known =
            Known::new(context, options.identities.clone(), options.redaction.clone(), symbols);
        let ring = ring.get_mut();
        let drain = |note: &mut dyn FnMut(&[u8])| {
            while let Some(record) = ring.next() {
                note(&record);
            }
        };
        let lost = || shared.counters.get(Counter::ProcessLost);
        // Still with all privileges, which it takes to read whose executables they are.
        known.begin(found, &options.redaction, clock::now_ns(clock::KERNEL), drain, lost);
        known
    });
    tracing::info!("attached to {} syscalls", probes.mechanisms.len());

    misses.start();
    if ended.is_none() {
        kernel.set_phase(Phase::Tracing)?;
    }
    let account = Account::new(shared.counters, misses, kinds);
    let calls = !probes.mechanisms.is_empty();
    // Still with all privileges, which it can take to see what is pending (`hidepid`).
    let takers = calls.then(|| Takers::new(chosen, filters, account.signals_unseen())).flatten();
    if let Err(error) = privileges::drop_unneeded(child.is_some()) {
        // A sandbox that forbids it has most likely left us few.
        tracing::warn!("{error:#}");
    }
    let crowd = Crowd::new(shared.crowd);
    let rate = options.max_output_rate.map(Rate::new);
    let deaths = options.who.map(|who| Deaths::new(who.all));
    let is_who = deaths.is_some();
    let command = child.as_ref().map(|child| child.pid);
    let joins = Joins { known, deaths, command, takers };
    let mut pump = Pump::new(format, sink, account, crowd, joins, options.max_events, rate);
    let mut unfollowed = Unfollowed::default();
    let (end, mut written) = if let Some(signal) = ended {
        (End::before_it_began(signal, child.is_some()), Ok(()))
    } else {
        let tries = options.check && !probes.mechanisms.is_empty();
        let mut watch = tries.then(|| Watch::new(&probes.mechanisms));
        if let Some(watch) = &mut watch {
            watch.begin(&mut kernel, &mut pump)?;
        }
        let sweep = Sweep::new(options.unfinished_after);
        let streaming = stream(
            &mut pump,
            &mut ring,
            &probes.mechanisms,
            stats,
            Rounds { kernel: &mut kernel, sweep, watch, unfollowed: &mut unfollowed },
        );
        tokio::select! {
            biased;
            end = begin_and_wait(&mut shutdown, child.as_ref()) => (end?, Ok(())),
            result = streaming => (End::Here, result),
        }
    };
    let stopping = manager::stopping();

    // No call begins from here on, and after a moment none returns: the programs do nothing, be they
    // attached or not. So the account can be told before they are detached, which takes the kernel its
    // time.
    let quiet = spawn_blocking(move || {
        let quiet = [Phase::Ending, Phase::Idle].into_iter().try_for_each(|phase| {
            kernel.set_phase(phase)?;
            kernel.wait_for_programs()
        });
        (kernel, quiet)
    });
    let (mut kernel, quiet) = quiet.await.context("cannot wait for the programs")?;
    quiet?;
    pump.account.ask_for_misses();
    let (under_way, left_out) = kernel.slots().rest().context("cannot read the slots")?;
    pump.account.left_out(left_out);
    pump.add(under_way);
    // Meanwhile, as it takes the kernel its time; nobody who waits for the output waits for it.
    let mechanisms = probes.mechanisms.clone();
    let detaching = spawn_blocking(move || probes.detach());
    if written.is_ok() {
        let progress = pump.progress();
        written = tokio::select! {
            result = finish(&mut pump, &mut ring, &mechanisms, stats) => result,
            () = shutdown.run_out_of_patience(&progress) => {
                // Else the stats event says how much was lost, and is to be the only thing there.
                if !ends_with_stats {
                    tracing::warn!("nothing is reading the output; giving up on it");
                }
                Ok(())
            }
        };
    }
    let given_up = pump.give_up(ring.get_mut());
    unfollowed.tell(pump.account.not_followed());
    if !options.quiet {
        say_end(end, child.as_ref(), pump.why.as_ref(), is_who);
    }
    // Events nobody took cannot be accounted for in the stream either.
    if ends_with_stats {
        if given_up || pump.is_out_of_room() {
            say_line(&pump.totals(&mechanisms).context("cannot write events")?);
        }
    } else if !options.quiet || given_up || pump.is_out_of_room() {
        if is_who {
            say_deaths(&pump.account, pump.unknown());
        } else {
            say_account(&pump.account);
        }
    }
    let account = &pump.account;
    let nothing =
        account.total_printed() == 0 && account.merged().1 == 0 && account.total_lost() == 0;
    if !options.quiet
        && nothing
        && let Some(remark) = nothing::remark(pump.account.left_out_at(), &options.steps)
    {
        say(format_args!("{remark}"));
    }
    drop(pump);
    close_stdout();
    detaching.await.context("cannot detach")?;
    drop(stopping);
    match written {
        Err(error) if !is_reader_gone(&error) => {
            return Err(error).context("cannot write events");
        }
        _ => {}
    }
    match (end, &child) {
        (End::Here, Some(command)) => {
            let end = shutdown.command_end(command).await?;
            if !options.quiet {
                say_end(end, Some(command), None, is_who);
            }
            Ok(end.status())
        }
        _ => Ok(end.status()),
    }
}

/// Lets the command go, if there is one, and waits for the end.
async fn begin_and_wait(shutdown: &mut Shutdown, command: Option<&Child>) -> Result<End> {
    if let Some(command) = command
        && let Some(end) = shutdown.release(command).await?
    {
        return Ok(end);
    }
    manager::ready();
    shutdown.wait(command).await
}

/// Who says which functions code is in, if that is to be told. Before tracing begins, and with the right to give up
/// rights.
fn symbols(context: Context) -> Option<Symbols> {
    if context != Context::Full {
        return None;
    }
    let started = Symbols::start(&["read-symbols"]);
    started.inspect_err(|error| tracing::warn!("{error:#}: functions are not named")).ok()
}

/// Whether there is nobody to write to any more, which is no failure.
fn is_reader_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// Attaches, which takes the kernel seconds on a busy machine, until a signal says to end; which
/// one. In a thread of its own that ends with it: it has the privileges that are given up next.
async fn attach(
    selection: Selection,
    redaction: Redaction,
    shutdown: &mut Shutdown,
) -> Result<(Result<Attached>, Vec<Found>, Option<libc::c_int>)> {
    let enough = Arc::new(AtomicBool::new(false));
    let (done, mut attached) = oneshot::channel();
    let thread = thread::spawn({
        let enough = Arc::clone(&enough);
        move || {
            let mut found = Vec::new();
            let mut scan =
                |records: &[u8]| found = Known::scan(selection.context, &redaction, records);
            let attached = bpf::attach(&selection, &enough, &mut scan);
            // Whoever waits for it does so to the end.
            let _ = done.send((attached, found));
        }
    });
    let (attached, ended) = tokio::select! {
        attached = &mut attached => (attached, None),
        signal = shutdown.signalled() => {
            enough.store(true, Ordering::Relaxed);
            (attached.await, Some(signal))
        }
    };
    let (attached, found) = attached.context("the attaching thread is gone")?;
    thread.join().map_err(|_| anyhow!("the attaching thread panicked"))?;
    Ok((attached, found, ended))
}

/// What is done now and then.
struct Rounds<'a> {
    kernel: &'a mut Kernel,
    sweep: Sweep,
    watch: Option<Watch>,
    unfollowed: &'a mut Unfollowed,
}

impl Rounds<'_> {
    async fn make(&mut self, pump: &mut Pump) -> io::Result<()> {
        if let Some(watch) = self.watch.as_mut().filter(|watch| watch.is_due()) {
            watch.run(self.kernel, pump).map_err(io::Error::other)?;
        }
        crowd::turn(self.kernel, pump).await?;
        if self.sweep.is_due() {
            self.sweep.run(self.kernel, pump).await?;
        }
        self.unfollowed.tell_now_and_then(pump.account.not_followed());
        Ok(())
    }
}

/// Streams until the output ends, by itself or because enough was written.
async fn stream(
    pump: &mut Pump,
    ring: &mut AsyncFd<RingBuf<MapData>>,
    mechanisms: &BTreeMap<usize, Mechanism>,
    stats: Stats,
    mut rounds: Rounds<'_>,
) -> io::Result<()> {
    let interval = match stats {
        Stats::Every(interval) => Some(interval),
        Stats::Never | Stats::AtEnd => None,
    };
    let mut stats_due = interval.map(|interval| Instant::now() + interval);
    let mut nap = SHORTEST_NAP;
    loop {
        let events = pump.account.total_printed();
        let more = pump.fill(ring.get_mut());
        pump.report_losses_now_and_then();
        if let (Some(due), Some(interval)) = (stats_due, interval)
            && due <= Instant::now()
        {
            pump.report_stats(mechanisms);
            stats_due = Some(Instant::now() + interval);
        }
        pump.flush().await?;
        if pump.is_done() {
            return Ok(());
        }
        rounds.make(pump).await?;
        if more {
            // Let the runtime look at the signals.
            tokio::task::yield_now().await;
            continue;
        }
        nap = if pump.account.total_printed() > events {
            SHORTEST_NAP
        } else {
            (nap * 2).min(LONGEST_NAP)
        };
        tokio::select! {
            ready = ring.readable_mut() => ready?.clear_ready(),
            () = sleep(nap) => {}
            () = pump.closed() => return Err(io::ErrorKind::BrokenPipe.into()),
            () = at(stats_due) => {}
        }
    }
}

/// Writes what is left once the programs do nothing any more.
async fn finish(
    pump: &mut Pump,
    ring: &mut AsyncFd<RingBuf<MapData>>,
    mechanisms: &BTreeMap<usize, Mechanism>,
    stats: Stats,
) -> io::Result<()> {
    while pump.fill(ring.get_mut()) {
        pump.flush().await?;
    }
    let merged = pump.crowd.take_all();
    pump.add_merged(merged);
    pump.tell_merged().await?;
    pump.report_losses();
    // First, so that the totals below have what is written here.
    pump.flush().await?;
    if stats != Stats::Never {
        pump.report_stats(mechanisms);
    }
    pump.flush().await?;
    pump.read().await;
    Ok(())
}

fn open(options: &Options) -> Result<Sink> {
    match &options.output {
        Some(path) => Sink::open(path, options.append)
            .with_context(|| format!("--output: cannot write to {}", path.display())),
        None => Sink::stdout().context("cannot write to stdout"),
    }
}

fn format(options: &Options) -> Box<dyn Format> {
    let terminal = options.output.is_none() && io::stdout().is_terminal();
    let color = terminal && AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    let sets = match options.sets {
        cli::Sets::Names => output::Sets::Names,
        cli::Sets::Mask => output::Sets::Mask,
    };
    match options.format.unwrap_or(if terminal { cli::Format::Text } else { cli::Format::Json }) {
        cli::Format::Json => Box::new(output::Json::new(sets)),
        cli::Format::Text => {
            let users = options.who.map_or_else(Users::default, |_| Users::of_machine());
            Box::new(output::Text::new(sets, color).with_users(users))
        }
    }
}

/// Passes on what the kernel side has to say for itself, which is little.
fn kernel_log(logger: EbpfLogger<&'static dyn log::Log>) -> Option<tokio::task::JoinHandle<()>> {
    let mut logger = register(logger, Interest::READABLE).ok()?;
    Some(tokio::spawn(async move {
        while let Ok(mut ready) = logger.readable_mut().await {
            ready.get_inner_mut().flush();
            ready.clear_ready();
        }
    }))
}

/// Puts nothing in the place of standard output, so that who reads it sees its end.
fn close_stdout() {
    if let Ok(nothing) = File::options().write(true).open("/dev/null") {
        // SAFETY: both are descriptors.
        unsafe { libc::dup2(nothing.as_raw_fd(), libc::STDOUT_FILENO) };
    }
}

/// Says by what signal the command ended, if it did, as the exit status alone could be its own, and why, if that is
/// known; else, if that is wanted, with what status.
fn say_end(end: End, command: Option<&Child>, why: Option<&Why>, with_status: bool) {
    let (End::Command(ended), Some(command)) = (end, command) else { return };
    match (ended.remark(&command.name), why.and_then(Why::said)) {
        (Some(remark), Some(why)) => say(format_args!("{remark}: {why}")),
        (Some(remark), None) => say(format_args!("{remark}")),
        (None, _) if with_status => {
            say(format_args!("{} exited with status {}", command.name, ended.status()));
        }
        (None, _) => {}
    }
}

/// Says how many deaths were told of, and what may be missing: `unknown` is how often somebody was not known, and how
/// often it was not known whether a death was selected.
fn say_deaths(account: &Account, unknown: [u64; 2]) {
    let lost = account.lost_signals();
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    for (kind, counts) in account.fates_of_others() {
        if kind != "exit" {
            continue;
        }
        let counts: Vec<_> = counts.iter().map(|(fate, count)| format!("{count} {fate}")).collect();
        let mut text = format!("deaths by a signal: {}; ", counts.join(", "));
        text.push_str(&format!("{lost} signal{} lost", plural(lost)));
        let [unknown, undecided] = unknown;
        if unknown > 0 {
            text.push_str(&format!(
                "; {unknown} time{} it was not known who it is",
                plural(unknown)
            ));
        }
        if undecided > 0 {
            text.push_str(&format!("; {undecided} filtered out that may have been selected"));
        }
        say(format_args!("{text}"));
    }
}

fn say_account(account: &Account) {
    let losses = account.losses();
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let (events, filtered) = (account.total_printed(), account.filtered());
    let merged = match account.merged() {
        (_, 0) => String::new(),
        (events, calls) => {
            format!("{calls} call{} merged into {events}, ", plural(calls))
        }
    };
    let mut text = format!(
        "{events} event{}, {filtered} call{} filtered out, {merged}{} lost",
        plural(events),
        plural(filtered),
        losses.total()
    );
    for (cause, count) in losses.causes().into_iter().filter(|(_, count)| *count > 0) {
        text.push_str(&format!(", {cause} {count}"));
    }
    let returns = account.returns_lost();
    if returns > 0 {
        text.push_str(&format!(", and {returns} late return{}", plural(returns)));
    }
    for (kind, counts) in account.fates_of_others() {
        let counts: Vec<_> = counts.iter().map(|(fate, count)| format!("{count} {fate}")).collect();
        text.push_str(&format!("; {kind}s: {}", counts.join(", ")));
    }
    say(format_args!("{text}"));
}
