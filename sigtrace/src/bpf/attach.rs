//! Attaching and detaching.

use std::{
    collections::BTreeMap,
    ffi::CStr,
    fs,
    os::fd::{AsFd as _, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Context as _, Result};
use aya_log::EbpfLogger;
use log::Log;
use sigtrace_common::{Hook, Point, SYSCALLS, kinds, select};

use super::{
    Mechanism, Policy, Selection,
    clock::Parts,
    fentry, kprobe,
    load::{self, Kernel, Shared},
    machine::Machine,
    misses::Misses,
    multi,
    plan::Single,
    refusal, support,
    sys::{self, Kind},
};
use crate::arch::NATIVE;
use crate::join::Context;

/// Everything there is of the kernel side.
#[expect(missing_debug_implementations, reason = "aya's have none")]
pub struct Attached {
    /// What was loaded.
    pub kernel: Kernel,
    /// What programs and agent have in common.
    pub shared: Shared,
    /// What is attached.
    pub probes: Probes,
    /// What tells of calls past the programs.
    pub misses: Misses,
    /// What the programs log.
    pub logger: Option<EbpfLogger<&'static dyn Log>>,
}

/// What is attached. Dropping it detaches everything.
#[derive(Debug, Default)]
pub struct Probes {
    /// How each attached row is probed, or why not.
    pub mechanisms: BTreeMap<usize, Mechanism>,
    links: Vec<Link>,
}

/// The attachment of one program.
#[derive(Debug)]
pub(super) struct Link(pub(super) OwnedFd);

/// An entry program, attached.
#[derive(Debug)]
pub(super) struct Entry {
    link: Link,
    /// The program, of which the kernel says how often it skipped it.
    program: OwnedFd,
    /// Whether of the link, too.
    counts: bool,
}

impl Entry {
    /// By a link of which nothing is counted.
    pub(super) fn of_program(link: Link, program: OwnedFd) -> Self {
        Self { link, program, counts: false }
    }

    /// By a link that counts what it misses.
    pub(super) fn of_link(link: Link, program: OwnedFd) -> Self {
        Self { link, program, counts: true }
    }
}

/// Loads the programs and attaches them to everything that is selected, unless it is `enough` before
/// that. With context, calls `scan` as soon as programs tell which processes come, go and change: what it
/// finds, and what they tell from then on, is without a gap. It is given records of the processes that there
/// are, one after the other, as far as the kernel has an iterator. If there is another attempt, it is called
/// again.
///
/// # Errors
///
/// When nothing could be attached, or something that has no substitute.
pub fn attach(
    selection: &Selection,
    enough: &AtomicBool,
    scan: &mut dyn FnMut(&[u8]),
) -> Result<Attached> {
    let mut parts = Parts::begin();
    let mut machine = Machine::running(selection.policy, selection.btf.as_deref())?;
    parts.end("types");
    let mut without = Vec::new();
    loop {
        match attach_to(selection, &machine, enough, scan, &mut parts) {
            Ok(attached) => {
                parts.tell();
                for Refused { mechanism, error } in without {
                    tracing::warn!("{}: {error:#}; doing without", mechanism.name());
                }
                return Ok(attached);
            }
            // What it has instead may do.
            Err(Failed::Many(refused)) if selection.policy == Policy::Auto => {
                match refused.mechanism {
                    Mechanism::Session => machine.features.session = false,
                    _ => machine.features.multi = false,
                }
                without.push(refused);
            }
            // The first that was refused tells most.
            Err(Failed::Many(Refused { error, .. }) | Failed::All(error)) => {
                return Err(without.into_iter().next().map_or(error, |refused| refused.error));
            }
        }
    }
}

fn attach_to(
    selection: &Selection,
    machine: &Machine,
    enough: &AtomicBool,
    scan: &mut dyn FnMut(&[u8]),
    parts: &mut Parts,
) -> Result<Attached, Failed> {
    let (kernel, shared) = load::load(selection, machine)?;
    parts.end("object");
    let mut attaching = Attaching {
        kernel,
        probes: Probes::default(),
        programs: Vec::new(),
        counting: Vec::new(),
        refused: Vec::new(),
    };
    if selection.context != Context::None {
        attaching.context()?;
        attaching.handlers(selection);
        scan(&attaching.processes());
        parts.end("context");
    }
    attaching.many(enough)?;
    parts.end("many");
    attaching.kinds(selection.config.kinds)?;
    let logger = attaching.lifecycle(selection, enough)?;
    parts.end("threads");
    attaching.single(enough)?;
    parts.end("single");
    attaching.kernel.object.forget_programs();
    let complete = !enough.load(Ordering::Relaxed);
    let Attaching { kernel, mut probes, programs, counting, refused } = attaching;
    if complete {
        probes.tell(selection, refused)?;
    }
    let misses = Misses::of(programs, counting);
    Ok(Attached { kernel, shared, probes, misses, logger })
}

/// Why it did not work.
enum Failed {
    /// A mechanism for many functions was refused, for which there may be a substitute.
    Many(Refused),
    /// Anything else.
    All(anyhow::Error),
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Many(refused)
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::All(error)
    }
}

/// A mechanism for many functions that the kernel refused.
struct Refused {
    mechanism: Mechanism,
    error: anyhow::Error,
}

/// What has been attached so far.
struct Attaching {
    kernel: Kernel,
    probes: Probes,
    programs: Vec<OwnedFd>,
    /// Links that count what they miss.
    counting: Vec<OwnedFd>,
    /// Rows of which a program was refused.
    refused: Vec<anyhow::Error>,
}

impl Attaching {
    /// The programs that serve many functions.
    fn many(&mut self, enough: &AtomicBool) -> Result<(), Refused> {
        let session = std::mem::take(&mut self.kernel.plan.session);
        let multi = std::mem::take(&mut self.kernel.plan.multi);
        // The first that has them at all says whether they can be had: it is asked first.
        self.group(&session, Mechanism::Session, multi::session)?;
        let mut with_fexit = Vec::new();
        for (row, point) in multi {
            if enough.load(Ordering::Relaxed) {
                return Ok(());
            }
            match fentry::returns(&mut self.kernel, &point) {
                Ok(Some(link)) => {
                    self.probes.links.push(link);
                    self.help(&point, Mechanism::Multi)?;
                    with_fexit.push((row, point));
                }
                // It has to do with what it would have otherwise.
                Ok(None) => {
                    let mechanism = Mechanism::Kprobe;
                    self.kernel.plan.single.push(Single { row, point, mechanism });
                }
                Err(error) => return Err(Refused { mechanism: Mechanism::Multi, error }),
            }
        }
        self.group(&with_fexit, Mechanism::Multi, multi::entries)
    }

    /// Attaches a program that serves many functions to these.
    fn group(
        &mut self,
        points: &[(usize, Point)],
        mechanism: Mechanism,
        attach: impl FnOnce(&mut Kernel, &[&str]) -> Result<Entry>,
    ) -> Result<(), Refused> {
        if points.is_empty() {
            return Ok(());
        }
        let symbols: Vec<_> = points.iter().map(|(_, point)| point.symbol).collect();
        let attached = attach(&mut self.kernel, &symbols);
        self.keep(attached.map_err(|error| Refused { mechanism, error })?)
            .map_err(|error| Refused { mechanism, error })?;
        for (row, _) in points {
            self.note(*row, mechanism);
        }
        Ok(())
    }

    /// A return program of another kind beside the trampoline's, which the kernel can skip.
    fn help(&mut self, point: &Point, mechanism: Mechanism) -> Result<(), Refused> {
        if self.kernel.plan.preempts {
            let link = kprobe::returns(&mut self.kernel, point);
            self.probes.links.extend(link.map_err(|error| Refused { mechanism, error })?);
        }
        Ok(())
    }

    fn keep(&mut self, entry: Entry) -> Result<()> {
        if entry.counts {
            let link = entry.link.0.try_clone().context("cannot copy a descriptor")?;
            self.counting.push(link);
        }
        self.probes.links.push(entry.link);
        self.programs.push(entry.program);
        Ok(())
    }

    /// A row is as good as the worst of its points.
    fn note(&mut self, row: usize, mechanism: Mechanism) {
        let noted = self.probes.mechanisms.entry(row).or_insert(mechanism);
        if *noted == Mechanism::Unsupported || mechanism < *noted {
            *noted = mechanism;
        }
    }

    /// The points that have programs of their own, each by what it is to be, or what it has to be.
    fn single(&mut self, enough: &AtomicBool) -> Result<()> {
        let mut done = None;
        for Single { row, point, mechanism } in std::mem::take(&mut self.kernel.plan.single) {
            if enough.load(Ordering::Relaxed) {
                break;
            }
            // A call hooked in a function is probed in the first of these that there is.
            let is_function = matches!(SYSCALLS[row].hook, Hook::Function(_));
            if is_function && done == Some(row) {
                continue;
            }
            let mut attached = Mechanism::Unsupported;
            if self.kernel.understands(&point) {
                match self.point(&point, mechanism) {
                    Ok(how) => attached = how,
                    Err(error) => {
                        self.refused.push(error.context(SYSCALLS[row].name));
                        continue;
                    }
                }
            }
            if attached == Mechanism::Unsupported {
                self.probes.mechanisms.entry(row).or_insert(attached);
            } else {
                done = Some(row);
                self.note(row, attached);
            }
        }
        Ok(())
    }

    /// Attaches to a point, and says by what. What sees the return comes before what sees the entry.
    fn point(&mut self, point: &Point, mechanism: Mechanism) -> Result<Mechanism> {
        if mechanism == Mechanism::Session {
            let entry = multi::session_of(&mut self.kernel, point)?;
            return self.keep(entry).map(|()| mechanism);
        }
        let mut links = Vec::new();
        if mechanism.has_fexit() {
            links.extend(fentry::returns(&mut self.kernel, point)?);
        }
        if mechanism == Mechanism::Fentry
            && !links.is_empty()
            && let Some(entry) = fentry::entry(&mut self.kernel, point)?
        {
            self.probes.links.extend(links);
            self.keep(entry)?;
            return Ok(Mechanism::Fentry);
        }
        let has_fexit = !links.is_empty();
        if !has_fexit || self.kernel.plan.preempts {
            let Some(link) = kprobe::returns(&mut self.kernel, point)? else {
                return Ok(Mechanism::Unsupported);
            };
            links.push(link);
        }
        let Some(entry) = kprobe::entry(&mut self.kernel, point)? else {
            return Ok(Mechanism::Unsupported);
        };
        self.probes.links.extend(links);
        self.keep(entry)?;
        Ok(if has_fexit { Mechanism::KprobeFexit } else { Mechanism::Kprobe })
    }

    /// Kinds of events besides calls. Before the programs that forget who ends.
    fn kinds(&mut self, chosen: u32) -> Result<()> {
        if chosen & kinds::EXIT != 0 {
            for program in ["process_exit", "process_exit2", "process_exit3"] {
                self.raw_tracepoint(program, c"sched_process_exit")?;
            }
        }
        // First what is made of signals that are sent.
        if chosen & kinds::SIGNALS != 0 {
            self.raw_tracepoint("deliver", c"signal_deliver")?;
        }
        if chosen & kinds::GENERATE != 0 {
            // And what is to be known of a signal when it is sent.
            self.raw_tracepoint("itimer_expire", c"itimer_expire")?;
            if self.kernel.tells_memory() {
                let links = kprobe::around(&mut self.kernel, "out_of_memory")?;
                self.probes.links.extend(links);
            }
        }
        if chosen & kinds::SIGNALS != 0 {
            self.raw_tracepoint("generate", c"signal_generate")?;
        }
        Ok(())
    }

    /// Where handlers are that calls give signals, if such calls are traced, as far as the kernel has what it takes.
    fn handlers(&mut self, selection: &Selection) {
        let gives_any = selection.rows.iter().any(|&row| SYSCALLS[row].gives_action());
        if !gives_any || !self.kernel.tells_mappings() {
            return;
        }
        match kprobe::at(&mut self.kernel, "do_sigaction") {
            Ok(link) => self.probes.links.extend(link),
            Err(error) => tracing::warn!("{error:#}: it is not told where handlers are"),
        }
    }

    /// Processes that come, go and change.
    fn context(&mut self) -> Result<()> {
        for (program, tracepoint) in [
            ("process_end", c"sched_process_exit"),
            ("process_rename", c"task_rename"),
            ("process_move", c"cgroup_attach_task"),
            ("process_exec", c"sched_process_exec"),
            ("process_fork", c"task_newtask"),
        ] {
            self.raw_tracepoint(program, tracepoint)?;
        }
        if self.kernel.plan.preempts {
            // For what the kernel skips: without these, nothing would be known of who the process is, or what
            // it was.
            self.raw_tracepoint("process_exec2", c"sched_process_exec")?;
            self.raw_tracepoint("process_fork2", c"task_newtask")?;
            self.raw_tracepoint("process_rename2", c"task_rename")?;
            self.raw_tracepoint("process_move2", c"cgroup_attach_task")?;
        }
        Ok(())
    }

    /// The processes that there are, as records; none without an iterator, as /proc has most of it.
    fn processes(&mut self) -> Vec<u8> {
        const PROGRAM: &str = "process_found";
        let Some(function) = self.kernel.task_iterator else { return Vec::new() };
        let program = self.load(PROGRAM, Kind::Iterator(function), "the iterator over tasks");
        let written = program.and_then(|program| Ok(sys::iterate(program.as_fd())?));
        written.unwrap_or_else(|error| {
            tracing::debug!("{PROGRAM}: {error:#}; doing with /proc");
            Vec::new()
        })
    }

    /// Threads that come and go, and what depends on them.
    fn lifecycle(
        &mut self,
        selection: &Selection,
        enough: &AtomicBool,
    ) -> Result<Option<EbpfLogger<&'static dyn Log>>> {
        for (program, tracepoint) in [
            ("thread_exit", c"sched_process_exit"),
            // For when the kernel skips the first: from 7.0 on it preempts trace points, too.
            ("thread_exit2", c"sched_process_exit"),
            ("thread_exec", c"sched_process_exec"),
        ] {
            self.raw_tracepoint(program, tracepoint)?;
        }
        let filters = selection.config.select;
        // Those of calls: who ends is looked for among the processes.
        let has_targets = |by| !selection.rows.is_empty() && filters & by != 0;
        let targets = has_targets(select::EITHER | select::TARGET);
        let by_identity = has_targets(select::TARGET_IDENTITY);
        let mut logger = None;
        if targets || selection.config.select & select::FOLLOW != 0 {
            let program = self.tracepoint("task_newtask", "task")?;
            logger = Kernel::logger(program.as_fd())
                .inspect_err(|error| {
                    tracing::info!(
                        "it will not be told if --follow meets its limit, which needs \
                         CAP_SYS_ADMIN: {error:#}"
                    );
                })
                .ok();
        }
        // After the tracepoint, so that what is created meanwhile is not missed.
        let selected = if selection.config.select & select::FOLLOW != 0 {
            self.kernel.follow(&selection.pids, enough)?
        } else {
            selection.pids.clone()
        };
        if by_identity {
            for program in ["thread_signalled", "thread_signalled2"] {
                self.raw_tracepoint(program, c"signal_generate")?;
            }
        } else if targets {
            // Which tells the numbers of targets without BTF, too.
            self.tracepoint("signal_generate", "signal")?;
        }
        if targets {
            self.kernel.select_threads(&selected)?;
        }
        Ok(logger)
    }

    fn raw_tracepoint(&mut self, program: &str, tracepoint: &CStr) -> Result<()> {
        let what = tracepoint.to_string_lossy();
        let program = self.load(program, Kind::RawTracepoint, &what)?;
        let link = sys::open_raw(program.as_fd(), Some(tracepoint))
            .map_err(|error| refusal::of_link(error, &what).error)?;
        self.probes.links.push(Link(link));
        Ok(())
    }

    fn tracepoint(&mut self, name: &str, category: &str) -> Result<OwnedFd> {
        let program = self.load(name, Kind::Tracepoint, name)?;
        let link = sys::open_tracepoint(program.as_fd(), tracepoint_id(category, name)?)
            .map_err(|error| refusal::of_link(error, name).error)?;
        self.probes.links.push(Link(link));
        Ok(program)
    }

    fn load(&mut self, name: &str, kind: Kind, what: &str) -> Result<OwnedFd> {
        let program = self.kernel.object.program(name)?;
        sys::load(name, kind, &program).map_err(|refused| refusal::of_program(refused, what).error)
    }
}

fn tracepoint_id(category: &str, name: &str) -> Result<u64> {
    let mut last = None;
    for root in support::TRACEFS {
        let path = format!("{root}/{category}/{name}/id");
        match fs::read_to_string(&path).with_context(|| path.clone()) {
            Ok(text) => return text.trim().parse().with_context(|| format!("{path}: {text}")),
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| anyhow::anyhow!("no tracefs"));
    Err(error
        .context(format!("cannot find the tracepoint {category}:{name}; see `sigtrace doctor`")))
}

impl Probes {
    /// Detaches everything, which takes the kernel a while, up to seconds: nothing may depend on it.
    pub fn detach(self) {
        close_together(self.links);
    }

    /// Tells what is not as one might expect.
    fn tell(&mut self, selection: &Selection, refused: Vec<anyhow::Error>) -> Result<()> {
        let is_unsupported = |mechanism: &Mechanism| *mechanism == Mechanism::Unsupported;
        if !selection.rows.is_empty() && self.mechanisms.values().all(is_unsupported) {
            return Err(match refused.into_iter().next() {
                Some(error) => error,
                None => anyhow::anyhow!("this kernel has none of the selected syscalls"),
            });
        }
        for error in refused {
            tracing::warn!("not traced: {error:#}");
        }
        // Those that this architecture does not have were not even tried.
        let selected = selection.rows.iter().map(|&row| &SYSCALLS[row]);
        let missing = selected.filter(|syscall| syscall.points(NATIVE).next().is_none());
        let mut unsupported: Vec<_> = missing.map(|syscall| syscall.name).collect();
        let mut misses = Vec::new();
        for (&row, mechanism) in &self.mechanisms {
            match mechanism {
                Mechanism::Unsupported => unsupported.push(SYSCALLS[row].name),
                Mechanism::Kprobe if SYSCALLS[row].blocks => misses.push(SYSCALLS[row].name),
                _ => {}
            }
        }
        for name in misses {
            tracing::warn!("{name}: returns of sleeping callers can be missed");
        }
        if !unsupported.is_empty() {
            tell_of_unsupported(&unsupported.join(", "), selection.rows.len() < SYSCALLS.len());
        }
        Ok(())
    }
}

/// Calls that were asked for by name and cannot be traced are worth a warning.
fn tell_of_unsupported(names: &str, named: bool) {
    let text = "not traced, as this kernel lacks their functions, or BTF for their arguments";
    if named {
        tracing::warn!("{text}: {names}");
    } else {
        tracing::info!("{text}: {names}");
    }
}

/// Each link that is closed waits for the kernel to be through with its program, up to a quarter of
/// a second on a busy machine: from threads of their own, they all wait for the same.
fn close_together<L: Send>(links: Vec<L>) {
    thread::scope(|scope| {
        for link in links {
            // Without a thread it is closed here and now.
            let _ = thread::Builder::new().spawn_scoped(scope, move || drop(link));
        }
    });
}
