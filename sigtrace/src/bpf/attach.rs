//! Attaching and detaching.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Context as _, Result, bail};
use aya::programs::{
    ProgramError, ProgramFd, RawTracePoint, TracePoint, fentry::FEntryLink, fexit::FExitLink,
    kprobe::KProbeLink, raw_trace_point::RawTracePointLink, trace_point::TracePointLink,
};
use sigtrace_common::{Hook, Point, SYSCALLS, Syscall, select};

use super::{
    Kernel, Mechanism, Selection,
    fentry::{self, Functions},
    kprobe,
    misses::Misses,
    support,
};

/// What is attached. Dropping it detaches everything.
#[derive(Debug)]
pub struct Probes {
    /// How each attached row is probed, or why not.
    pub mechanisms: BTreeMap<usize, Mechanism>,
    entries: Vec<Link>,
    returns: Vec<Link>,
    raw_tracepoints: Vec<RawTracePointLink>,
    tracepoints: Vec<TracePointLink>,
}

/// The attachment of one program.
#[derive(Debug)]
#[expect(dead_code, reason = "it is there to be dropped")]
pub(super) enum Link {
    Kprobe(KProbeLink),
    Fentry(FEntryLink),
    Fexit(FExitLink),
}

impl From<KProbeLink> for Link {
    fn from(link: KProbeLink) -> Self {
        Self::Kprobe(link)
    }
}

impl From<FEntryLink> for Link {
    fn from(link: FEntryLink) -> Self {
        Self::Fentry(link)
    }
}

impl From<FExitLink> for Link {
    fn from(link: FExitLink) -> Self {
        Self::Fexit(link)
    }
}

/// An entry program, attached.
#[derive(Debug)]
pub(super) struct Entry {
    link: Link,
    /// The program, of which the kernel says how often it skipped it.
    program: OwnedFd,
}

impl Entry {
    pub(super) fn new(link: Link, program: &ProgramFd) -> Result<Self> {
        let program = program.as_fd().try_clone_to_owned().context("cannot copy a descriptor")?;
        Ok(Self { link, program })
    }
}

/// Which functions can have trampolines, and the mechanism to use them for.
#[derive(Clone, Copy)]
struct Trampoline<'a> {
    functions: &'a Functions,
    mechanism: Mechanism,
}

impl Probes {
    /// Attaches to everything that is selected, unless it is `enough` before that, and says what
    /// tells of calls the kernel made past the programs.
    pub fn attach(
        kernel: &mut Kernel,
        selection: &Selection,
        enough: &AtomicBool,
    ) -> Result<(Self, Misses)> {
        let mut probes = Self {
            mechanisms: BTreeMap::new(),
            entries: Vec::new(),
            returns: Vec::new(),
            raw_tracepoints: Vec::new(),
            tracepoints: Vec::new(),
        };
        probes.attach_lifecycle(kernel, selection)?;
        let functions = kernel.functions.take();
        let (mut programs, mut unsupported) = (Vec::new(), Vec::new());
        for &row in &selection.rows {
            if enough.load(Ordering::Relaxed) {
                return Ok((probes, Misses::of(programs)));
            }
            let syscall = &SYSCALLS[row];
            let wanted = selection.policy.wanted(syscall);
            let functions = functions.as_ref().filter(|_| wanted != Mechanism::Kprobe);
            let trampoline = functions.map(|functions| Trampoline { functions, mechanism: wanted });
            let mechanism = probes.attach_row(kernel, syscall, trampoline, &mut programs)?;
            match mechanism {
                Mechanism::Kprobe if syscall.blocks => {
                    tracing::warn!("{}: returns of sleeping callers can be missed", syscall.name);
                }
                Mechanism::Unsupported => unsupported.push(syscall.name),
                _ => {}
            }
            probes.mechanisms.insert(row, mechanism);
        }
        if !unsupported.is_empty() {
            tell_of_unsupported(&unsupported.join(", "), selection.rows.len() < SYSCALLS.len());
        }
        if probes.mechanisms.values().all(|&mechanism| mechanism == Mechanism::Unsupported) {
            bail!("this kernel has none of the selected syscalls");
        }
        Ok((probes, Misses::of(programs)))
    }

    /// Detaches everything, entries first, so that nothing is seen to return that was not seen to
    /// enter. Says how each row was probed.
    pub fn detach(self) -> BTreeMap<usize, Mechanism> {
        close_together(self.entries);
        close_together(self.returns);
        close_together(self.raw_tracepoints);
        close_together(self.tracepoints);
        wait_for_programs();
        self.mechanisms
    }

    /// Threads that come and go, and what depends on them.
    fn attach_lifecycle(&mut self, kernel: &mut Kernel, selection: &Selection) -> Result<()> {
        for (program, tracepoint) in [
            ("thread_exit", "sched_process_exit"),
            ("thread_exit2", "sched_process_exit"),
            ("thread_exec", "sched_process_exec"),
        ] {
            let program: &mut RawTracePoint = kernel.program(program)?;
            program.load().map_err(|error| support::explain(error, tracepoint))?;
            let link =
                program.attach(tracepoint).map_err(|error| support::explain(error, tracepoint))?;
            self.raw_tracepoints.push(program.take_link(link)?);
        }
        let targets = selection.config.select & (select::EITHER | select::TARGET) != 0;
        if targets || selection.config.select & select::FOLLOW != 0 {
            self.attach_tracepoint(kernel, "task_newtask", "task")?;
        }
        if targets {
            self.attach_tracepoint(kernel, "signal_generate", "signal")?;
            // After the tracepoint, so that threads created meanwhile are not missed.
            kernel.select_threads(&selection.pids)?;
        }
        Ok(())
    }

    fn attach_tracepoint(&mut self, kernel: &mut Kernel, name: &str, category: &str) -> Result<()> {
        let program: &mut TracePoint = kernel.program(name)?;
        program.load().map_err(|error| support::explain(error, name))?;
        let link = program.attach(category, name).map_err(|error| support::explain(error, name))?;
        self.tracepoints.push(program.take_link(link)?);
        Ok(())
    }

    /// Attaches to the points of a row, by trampolines as far as that is wanted and the kernel has
    /// them. Says by what all of them are probed.
    fn attach_row(
        &mut self,
        kernel: &mut Kernel,
        syscall: &'static Syscall,
        trampoline: Option<Trampoline<'_>>,
        programs: &mut Vec<OwnedFd>,
    ) -> Result<Mechanism> {
        let mut all = Mechanism::Unsupported;
        for point in syscall.points(support::NATIVE) {
            if !kernel.understands(&point) {
                continue;
            }
            let attached = attach_point(kernel, syscall, &point, trampoline)?;
            let Some((mechanism, entry, returns)) = attached else { continue };
            self.entries.push(entry.link);
            self.returns.extend(returns);
            programs.push(entry.program);
            if all != Mechanism::Kprobe {
                all = mechanism;
            }
            if matches!(syscall.hook, Hook::Function(_)) {
                break;
            }
        }
        Ok(all)
    }
}

/// Calls that were asked for by name and cannot be traced are worth a warning.
fn tell_of_unsupported(names: &str, named: bool) {
    let text =
        "not traced, as this kernel has no such functions, or no BTF to tell their arguments";
    if named {
        tracing::warn!("{text}: {names}");
    } else {
        tracing::info!("{text}: {names}");
    }
}

/// What is attached to a point, and by what.
type Attached = (Mechanism, Entry, Vec<Link>);

/// Attaches to a point, by a trampoline as far as that is wanted and the kernel has one there;
/// `None` if it has no such function. What sees the return comes before what sees the entry, so that
/// no call is seen to enter that could not be seen to return.
fn attach_point(
    kernel: &mut Kernel,
    syscall: &Syscall,
    point: &Point,
    trampoline: Option<Trampoline<'_>>,
) -> Result<Option<Attached>> {
    let mut exits = None;
    if let Some(Trampoline { functions, mechanism }) = trampoline {
        exits = fentry::returns(kernel, functions, point, syscall.blocks)?;
        if mechanism == Mechanism::Fentry
            && let Some(exits) = exits.take()
            && let Some(entry) = fentry::entry(kernel, functions, point)?
        {
            return Ok(Some((mechanism, entry, exits)));
        }
    }
    let Some(mut returns) = kprobe::returns(kernel, point)? else { return Ok(None) };
    let Some(entry) = kprobe::entry(kernel, point)? else { return Ok(None) };
    let mechanism = if exits.is_some() { Mechanism::KprobeFexit } else { Mechanism::Kprobe };
    returns.extend(exits.into_iter().flatten());
    Ok(Some((mechanism, entry, returns)))
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

/// Waits until the programs have ended that were running when they were detached, as detaching a
/// trampoline does not wait for them: they run in read-side critical sections of RCU, of which this
/// waits for a grace period, membarrier(2).
fn wait_for_programs() {
    // SAFETY: no memory is involved.
    let waited = unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if waited != 0 {
        tracing::debug!("membarrier: {}", io::Error::last_os_error());
    }
}

impl Kernel {
    pub(super) fn program<'a, P>(&'a mut self, name: &str) -> Result<&'a mut P>
    where
        &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
    {
        self.ebpf
            .program_mut(name)
            .with_context(|| format!("the eBPF object has no program {name}"))?
            .try_into()
            .with_context(|| format!("program {name}"))
    }
}
