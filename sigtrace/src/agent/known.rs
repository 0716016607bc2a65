//! Who the processes are that events name: the table, and how it is filled.

use std::{path::Path, rc::Rc};

use crate::{
    decode::{self, Call, Cause, Deliver, Exit, Generate, Handler, Thread, WallClock},
    join::{
        Context,
        filter::Filter,
        found,
        mappings::{Mappings, Place},
        procfs::{self, Found},
        redact::Redaction,
        table::{ROOM, Table},
    },
    output::{
        Code, Counts, Ends, Instruction, Known as KnownProcess, Parties, Process, Symbol, Taker,
    },
    symbols::Symbols,
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
    /// Where code is that they name.
    mappings: Mappings,
    /// Which functions that is in, if that is asked for.
    symbols: Option<Symbols>,
    /// How many events were filtered out, though it is not known whether they were selected.
    undecided: u64,
    /// Records that could not be decoded, which is as if they were lost.
    undecodable: u64,
    /// When it is looked again for those whose end was not told, on the clock of records, …
    tidy_due_ns: u64,
    /// … and how many records had been lost the last time.
    lost_by_then: u64,
}

impl Known {
    /// None so far.
    pub(crate) fn new(
        context: Context,
        filter: Filter,
        redaction: Redaction,
        symbols: Option<Symbols>,
    ) -> Self {
        Self {
            symbols,
            filter,
            context,
            table: Table::new(redaction),
            mappings: Mappings::default(),
            undecided: 0,
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
        if decode::is_code(record) {
            match decode::code(record) {
                Ok(code) => self.mappings.note(&code),
                Err(error) => tracing::error!("where code is is not known: {error}"),
            }
            return true;
        }
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
        let handler_at = if call.syscall.gives_action() { self.handler(call, clock) } else { None };
        Parties { caller, target, handler_at }
    }

    /// Where the handler is that a call gives a signal.
    fn handler(&mut self, call: &Call<'_>, clock: WallClock) -> Option<Code> {
        let begun_ns = clock.boot_ns(call.time_ns);
        let ended_ns = call.duration_ns().map_or(u64::MAX, |duration| begun_ns + duration);
        let handler = call.handler().and_then(Handler::address);
        let place = self.mappings.take(call.tid, begun_ns..=ended_ns, handler)?;
        handler.and_then(|_| code(&place))
    }

    /// Says which function some code is in, of an event about a process of this user's that is going to be told. That
    /// may take a while.
    pub(crate) fn name(&mut self, code: Option<&mut Code>, uid: u32) {
        let (Some(code), Some(symbols)) = (code, &mut self.symbols) else { return };
        if !code.is_deleted {
            let found = symbols.find(uid, code.identity, &code.file, code.offset);
            code.symbol = found.map(|(name, offset)| Symbol { name, offset });
        }
    }

    /// Who has ended.
    pub(crate) fn ended(&mut self, exit: &Exit, lost: u64) -> KnownProcess {
        self.table.note_lost(lost.saturating_add(self.undecodable));
        let identity = self.table.get(exit.process.pid, exit.tag, exit.cgroup);
        KnownProcess { context: self.context, identity }
    }

    /// Between whom a signal is sent.
    pub(crate) fn ends(&mut self, generate: &Generate, lost: u64) -> Ends {
        self.table.note_lost(lost.saturating_add(self.undecodable));
        let sender = generate.sender.map(|sender| self.thread(&sender));
        let sent_ns = generate.key.sent_ns;
        let place = self.mappings.take(generate.target.tid, sent_ns..=sent_ns, None);
        // Timers and descriptors send signals that instructions cause, too.
        let place = place.filter(|_| generate.cause == Cause::Fault);
        let instruction =
            place.map(|place| Instruction { address: place.address, at: code(&place) });
        Ends { sender, target: self.thread(&generate.target), instruction }
    }

    /// Who takes a signal.
    pub(crate) fn taker(&mut self, deliver: &Deliver, clock: WallClock, lost: u64) -> Taker {
        self.table.note_lost(lost.saturating_add(self.undecodable));
        let taken_ns = clock.boot_ns(deliver.time_ns);
        let handler_at = deliver.handler.address().and_then(|address| {
            let place =
                self.mappings.take(deliver.thread.tid, taken_ns..=taken_ns, Some(address))?;
            code(&place)
        });
        Taker { known: self.thread(&deliver.thread), handler_at }
    }

    fn thread(&mut self, thread: &Thread) -> KnownProcess {
        let identity = self.table.get(thread.process.pid, thread.tag, thread.cgroup);
        KnownProcess { context: self.context, identity }
    }

    /// The path of the control group with this id.
    pub(crate) fn group_path(&self, id: u64) -> Option<Box<[u8]>> {
        Some(self.table.group_with(id)?.path.clone())
    }

    /// Whether a call is selected by who it is about.
    pub(crate) fn selects(&mut self, call: &Call<'_>, parties: &Parties) -> bool {
        let [caller, target] = [&parties.caller, &parties.target]
            .map(|it| it.as_ref().and_then(|it| it.known.as_ref()));
        self.selects_any([Some(caller), call.named.map(|_| target)])
    }

    /// Whether an end is, by who has ended.
    pub(crate) fn selects_end(&mut self, ended: &KnownProcess) -> bool {
        self.selects_any([Some(Some(ended)), None])
    }

    /// Whether a signal is, by those between whom it is sent.
    pub(crate) fn selects_ends(&mut self, ends: &Ends) -> bool {
        self.selects_any([Some(Some(&ends.target)), ends.sender.as_ref().map(Some)])
    }

    /// Whether any of those is that there are, as far as they are known. If that is not enough to tell, none is, which
    /// is counted.
    fn selects_any(&mut self, sides: [Option<Option<&KnownProcess>>; 2]) -> bool {
        let mut is_unknown = false;
        for side in sides.into_iter().flatten() {
            match self.filter.selects(side.and_then(|known| known.identity.as_ref())) {
                Some(true) => return true,
                Some(false) => {}
                None => is_unknown = true,
            }
        }
        self.undecided += u64::from(is_unknown);
        false
    }

    /// Looks now and then, if ends were perhaps not told or there is no more room, who is not there any more.
    pub(crate) fn tidy(&mut self, now_ns: u64, lost: u64) {
        let lost = lost.saturating_add(self.undecodable);
        if now_ns < self.tidy_due_ns || lost == self.lost_by_then && !self.table.is_full() {
            return;
        }
        (self.tidy_due_ns, self.lost_by_then) = (now_ns + TIDY_APART_NS, lost);
        self.table.reap(procfs::is_there, now_ns);
    }

    /// How often somebody was not known, and how many events were filtered out of which it is not known whether they
    /// were selected.
    pub(crate) fn unknown(&self) -> [u64; 2] {
        [self.table.missed(), self.undecided]
    }

    /// What became of it all.
    pub(crate) fn counts(&self, lost: u64) -> Counts {
        let lost = lost.saturating_add(self.undecodable);
        counts([self.table.len() as u64, self.table.missed(), self.undecided, lost])
    }
}

/// Where a place is that code is at, if that is in a file.
fn code(place: &Place) -> Option<Code> {
    let (file, offset) = place.file.as_ref()?;
    Some(Code {
        file: Rc::clone(&file.path),
        is_deleted: file.is_deleted,
        identity: file.identity,
        offset: *offset,
        symbol: None,
    })
}

/// By name: how many processes are known, how many can be, how often one was not; how many events were filtered out of
/// which it is not known whether they are selected; how many records were lost.
pub(crate) fn counts([processes, missed, undecided, lost]: [u64; 4]) -> Counts {
    vec![
        ("processes", processes),
        ("room", ROOM as u64),
        ("identity_missed", missed),
        ("selection_unknown", undecided),
        ("lost", lost),
    ]
}
