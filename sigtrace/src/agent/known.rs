//! Who the processes are that events name: the table, and how it is filled.

use std::{io, path::Path};

use crate::{
    decode::{self, Call, Deliver, Exit, Generate, Thread, WallClock},
    join::{
        Context,
        filter::Filter,
        found,
        procfs::{self, Found},
        redact::Redaction,
        table::{ROOM, Table},
    },
    output::{Counts, Ends, Known as KnownProcess, Parties, Process},
};

/// Where the processes are.
const PROC: &str = "/proc";

/// How often /proc is looked at again at the start, if records were lost meanwhile.
const ATTEMPTS: usize = 3;

/// Who is not there any more is looked for no more often than this.
const TIDY_APART_NS: u64 = 10_000_000_000;

/// The processes that are known.
pub(crate) struct Known {
    context: Context,
    /// Who is selected.
    filter: Filter,
    table: Table,
    /// Records that could not be decoded, which is as if they were lost.
    undecodable: u64,
    /// When it is looked again for those whose end was not told, on the clock of records, …
    tidy_due_ns: u64,
    /// … and how many records had been lost the last time.
    lost_by_then: u64,
}

impl Known {
    /// None so far.
    pub(crate) fn new(context: Context, filter: Filter, redaction: Redaction) -> Self {
        Self {
            filter,
            context,
            table: Table::new(redaction),
            undecodable: 0,
            tidy_due_ns: 0,
            lost_by_then: 0,
        }
    }

    /// All processes that there are, as /proc has them, and as the kernel has told of them in these records.
    pub(crate) fn scan(context: Context, redaction: &Redaction, records: &[u8]) -> Vec<Found> {
        let redaction = (context == Context::Full).then_some(redaction);
        let mut all = procfs::scan(Path::new(PROC), redaction);
        found::add(&mut all, records);
        all
    }

    /// Begins with what /proc had when the programs were attached. `drain` gives what they have told, record by
    /// record; `lost` says how many were lost so far.
    pub(crate) fn begin(
        &mut self,
        mut found: Vec<Found>,
        redaction: &Redaction,
        now_ns: u64,
        mut drain: impl FnMut(&mut dyn FnMut(&[u8])),
        lost: impl Fn() -> u64,
    ) {
        let mut lost_before = 0;
        for _ in 0..ATTEMPTS {
            drain(&mut |record| {
                self.note(record, lost_before);
            });
            if lost() == lost_before {
                break;
            }
            // What was found need not be so any more.
            lost_before = lost();
            self.table.note_lost(lost_before);
            found = Self::scan(self.context, redaction, &[]);
        }
        self.table.add_found(found, now_ns);
        let redaction = (self.context == Context::Full).then_some(redaction);
        let read = |pid| procfs::read(Path::new(PROC), pid, redaction);
        let missing = self.table.unknown().into_iter().filter_map(read).collect();
        self.table.add_found(missing, now_ns);
        // What they have executed meanwhile.
        drain(&mut |record| {
            self.note(record, lost());
        });
        self.table.started();
    }

    /// Notes what a record tells, of which so many were lost so far. Says whether it is one of those.
    pub(crate) fn note(&mut self, record: &[u8], lost: u64) -> bool {
        if !decode::is_change(record) {
            return false;
        }
        self.table.note_lost(lost.saturating_add(self.undecodable));
        match decode::change(record) {
            Ok(change) => self.table.change(&change),
            Err(error) => {
                tracing::error!("what became of a process is not known: {error}");
                self.undecodable += 1;
            }
        }
        true
    }

    /// Who a call is about.
    pub(crate) fn parties(&mut self, call: &Call<'_>, clock: WallClock, lost: u64) -> Parties {
        let context = self.context;
        self.table.note_lost(lost.saturating_add(self.undecodable));
        let caller = self.table.get(call.pid, call.caller_tag, Some(call.cgroup));
        let caller = caller.map(|identity| Process::of_caller(call, identity, context, clock));
        let target = call.named.and_then(|(pid, tag)| {
            let identity = self.table.get(pid, tag, None)?;
            Some(Process::of_target(pid, identity, context, clock))
        });
        Parties { caller, target }
    }

    /// Who has ended.
    pub(crate) fn ended(&mut self, exit: &Exit, lost: u64) -> KnownProcess {
        self.table.note_lost(lost.saturating_add(self.undecodable));
        let identity = self.table.get(exit.process.pid, exit.tag, None);
        KnownProcess { context: self.context, identity }
    }

    /// Between whom a signal is sent.
    pub(crate) fn ends(&mut self, generate: &Generate, lost: u64) -> Ends {
        self.table.note_lost(lost.saturating_add(self.undecodable));
        let sender = generate.sender.map(|sender| self.thread(&sender));
        Ends { sender, target: self.thread(&generate.target) }
    }

    /// Who takes a signal.
    pub(crate) fn taker(&mut self, deliver: &Deliver, lost: u64) -> KnownProcess {
        self.table.note_lost(lost.saturating_add(self.undecodable));
        self.thread(&deliver.thread)
    }

    fn thread(&mut self, thread: &Thread) -> KnownProcess {
        let identity = self.table.get(thread.process.pid, thread.tag, None);
        KnownProcess { context: self.context, identity }
    }

    /// The path of the control group with this id.
    pub(crate) fn group_path(&self, id: u64) -> Option<Box<[u8]>> {
        Some(self.table.group_with(id)?.path.clone())
    }

    /// Whether a call is selected by who it is about.
    pub(crate) fn selects(&self, parties: &Parties) -> bool {
        let sides = [&parties.caller, &parties.target].into_iter().flatten();
        let mut known = sides.filter_map(|process| process.known.as_ref()?.identity.as_ref());
        self.filter.is_empty() || known.any(|identity| self.filter.selects(identity))
    }

    /// Whether an end is, by who has ended.
    pub(crate) fn selects_end(&self, ended: &KnownProcess) -> bool {
        let selects = |identity| self.filter.selects(identity);
        self.filter.is_empty() || ended.identity.as_ref().is_some_and(selects)
    }

    /// Whether a signal is, by those between whom it is sent.
    pub(crate) fn selects_ends(&self, ends: &Ends) -> bool {
        let mut known = [Some(&ends.target), ends.sender.as_ref()].into_iter().flatten();
        self.filter.is_empty() || known.any(|known| self.selects_end(known))
    }

    /// Looks now and then, if ends were perhaps not told or there is no more room, who is not there any more.
    pub(crate) fn tidy(&mut self, now_ns: u64, lost: u64) {
        let lost = lost.saturating_add(self.undecodable);
        if now_ns < self.tidy_due_ns || lost == self.lost_by_then && !self.table.is_full() {
            return;
        }
        (self.tidy_due_ns, self.lost_by_then) = (now_ns + TIDY_APART_NS, lost);
        self.table.reap(is_there, now_ns);
    }

    /// What became of it all.
    pub(crate) fn counts(&self, lost: u64) -> Counts {
        counts(self.table.len() as u64, self.table.missed(), lost.saturating_add(self.undecodable))
    }
}

/// Whether there is a process with this id, which needs no rights, and is none of the calls that are traced.
fn is_there(pid: u32) -> bool {
    // SAFETY: no memory is involved.
    let group = unsafe { libc::getpgid(pid.cast_signed()) };
    group >= 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// By name: how many processes are known, how many can be, how often one was not, how many records were lost.
pub(crate) fn counts(processes: u64, missed: u64, lost: u64) -> Counts {
    vec![
        ("processes", processes),
        ("room", ROOM as u64),
        ("identity_missed", missed),
        ("lost", lost),
    ]
}
