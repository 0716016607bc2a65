//! Attaching and detaching.

use std::{collections::BTreeMap, io, thread};

use anyhow::{Context as _, Result, anyhow};
use aya::programs::{
    KProbe, ProgramError, RawTracePoint, TracePoint, kprobe::KProbeLink,
    raw_trace_point::RawTracePointLink, trace_point::TracePointLink,
};
use sigtrace_common::{SYSCALLS, select};

use super::{Kernel, Selection, support};

/// How a syscall is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// A kprobe/kretprobe pair.
    Kprobe,
    /// Not at all: the running kernel has no such entry point.
    Unsupported,
}

impl Mechanism {
    /// The name used in events and listings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kprobe => "kprobe",
            Self::Unsupported => "unsupported",
        }
    }
}

/// What is attached. Dropping it detaches everything.
#[derive(Debug, Default)]
pub struct Probes {
    /// How each attached row is probed, or why not.
    pub mechanisms: BTreeMap<usize, Mechanism>,
    entries: Vec<KProbeLink>,
    returns: Vec<KProbeLink>,
    raw_tracepoints: Vec<RawTracePointLink>,
    tracepoints: Vec<TracePointLink>,
}

impl Probes {
    /// Attaches to everything that is selected. Each return probe comes before its entry probe, so
    /// that no call is seen to enter that could not be seen to return.
    pub fn attach(kernel: &mut Kernel, selection: &Selection) -> Result<Self> {
        let mut probes = Self::default();
        probes.attach_lifecycle(kernel, selection)?;
        for &row in &selection.rows {
            let mechanism = probes.attach_pair(kernel, row)?;
            probes.mechanisms.insert(row, mechanism);
        }
        if probes.mechanisms.values().all(|&mechanism| mechanism == Mechanism::Unsupported) {
            return Err(anyhow!("this kernel has none of the selected syscalls"));
        }
        Ok(probes)
    }

    /// Detaches everything, entries first, so that nothing is seen to return that was not seen to
    /// enter. Says how each row was probed.
    pub fn detach(self) -> BTreeMap<usize, Mechanism> {
        close_together(self.entries);
        close_together(self.returns);
        close_together(self.raw_tracepoints);
        close_together(self.tracepoints);
        self.mechanisms
    }

    /// Threads that come and go, and what depends on them.
    fn attach_lifecycle(&mut self, kernel: &mut Kernel, selection: &Selection) -> Result<()> {
        for (program, tracepoint) in
            [("thread_exit", "sched_process_exit"), ("thread_exec", "sched_process_exec")]
        {
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

    fn attach_pair(&mut self, kernel: &mut Kernel, row: usize) -> Result<Mechanism> {
        let syscall = &SYSCALLS[row];
        let Some(entry) = syscall.entries.get(support::NATIVE) else {
            return Ok(Mechanism::Unsupported);
        };
        let Some(returns) = attach(kernel, &format!("{}_exit", syscall.name), entry.symbol)? else {
            return Ok(Mechanism::Unsupported);
        };
        self.returns.push(returns);
        let Some(entries) = attach(kernel, &format!("{}_enter", syscall.name), entry.symbol)?
        else {
            return Ok(Mechanism::Unsupported);
        };
        self.entries.push(entries);
        Ok(Mechanism::Kprobe)
    }
}

/// Each link that is closed waits for the kernel to be through with its program, up to a quarter of
/// a second on a busy machine: from threads of their own, they all wait for the same.
fn close_together<L: Send>(links: Vec<L>) {
    thread::scope(|scope| {
        for link in links {
            scope.spawn(move || drop(link));
        }
    });
}

/// Attaches one program; `None` if the kernel has no such function.
fn attach(kernel: &mut Kernel, name: &str, symbol: &str) -> Result<Option<KProbeLink>> {
    let program: &mut KProbe = kernel.program(name)?;
    program.load().map_err(|error| support::explain(error, symbol))?;
    match program.attach(symbol, 0) {
        Ok(link) => Ok(Some(program.take_link(link)?)),
        Err(ProgramError::SyscallError(error))
            if error.io_error.kind() == io::ErrorKind::NotFound =>
        {
            Ok(None)
        }
        Err(error) => Err(support::explain(error, symbol)),
    }
}

impl Kernel {
    fn program<'a, P>(&'a mut self, name: &str) -> Result<&'a mut P>
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
