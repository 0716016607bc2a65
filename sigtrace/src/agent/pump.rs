//! From the ring to the output: decode, number, queue, keep the books.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashSet},
    io, mem,
    sync::{Arc, atomic::AtomicU64},
    vec,
};

use aya::maps::{MapData, RingBuf};
use sigtrace_common::{RecordKind, State, crowd};

use super::{
    account::Account,
    clock::{self, Offset, now_ns},
    crowd::Crowd,
    culprits,
    deaths::{Deaths, Told},
    entry::{Books, Entry},
    ids::Ids,
    kinds::Kind,
    known::Known,
    queue::Queue,
    rate::Rate,
    sink::Sink,
    takers::Takers,
    told::{Met, Told as Calls},
    why::Why,
};
use crate::{
    bpf::{Mechanism, RecordBytes},
    decode::{self, Call, CallKey, Exit, Generate, Glance, Repeated, WallClock},
    output::{self, Blind, Code, Death, Ends, Event, Format, Lost, Sent, Stats},
};

/// No more records are taken at a time, whatever becomes of them: those that are not printed do not fill
/// the buffer, and while the ring is never empty the rest of the agent must have its turn, too.
const RECORDS: usize = 4096;

/// While losses go on they are told this often: the first at once, the others added up.
const LOSSES_APART_NS: u64 = 250_000_000;

/// The way of the events.
pub(crate) struct Pump {
    queue: Queue<Entry>,
    /// The books.
    pub(crate) account: Account,
    /// What programs merged, and whose the lost calls were.
    pub(crate) crowd: Crowd,
    /// Who the processes are that events name, if that is asked for.
    known: Option<Known>,
    /// What may kill them, if only that is asked for.
    deaths: Option<Deaths>,
    /// Why the command ended, if there is one.
    pub(crate) why: Option<Why>,
    /// Which signals calls take, if signals are told of.
    takers: Option<Takers>,
    offset: Offset,
    started_ns: u64,
    ids: Ids,
    told: Calls,
    /// How many calls and events of other kinds were put into the queue.
    events: u64,
    /// No more of them than this many.
    max_events: u64,
    /// The limit on the bytes of calls, returns and ends of processes, if there is one. There are few other
    /// events, whatever the traced processes do, and they tell what the limit costs.
    rate: Option<Rate>,
    /// When the next losses are told, on [`clock::KERNEL`].
    losses_due_ns: u64,
    /// When the kernel is asked again how often it skipped a program.
    misses_due_ns: u64,
    /// Records that do not come through the ring, to be taken once that is empty.
    rest: vec::IntoIter<RecordBytes>,
    /// Merged calls that are yet to be told of.
    merged: vec::IntoIter<crowd::Entry>,
}

/// What events are joined with.
#[derive(Default)]
pub(crate) struct Joins {
    /// Who the processes are that they name, if that is asked for.
    pub(crate) known: Option<Known>,
    /// What may kill them, if only that is asked for.
    pub(crate) deaths: Option<Deaths>,
    /// The command's process, if there is one.
    pub(crate) command: Option<u32>,
    /// Which signals calls take, if signals are told of.
    pub(crate) takers: Option<Takers>,
}

impl Pump {
    pub(crate) fn new(
        format: Box<dyn Format>,
        sink: Sink,
        account: Account,
        crowd: Crowd,
        joins: Joins,
        max_events: Option<u64>,
        rate: Option<Rate>,
    ) -> Self {
        Self {
            queue: Queue::new(format, sink),
            account,
            crowd,
            known: joins.known,
            deaths: joins.deaths,
            why: joins.command.map(Why::new),
            takers: joins.takers,
            offset: Offset::new(),
            started_ns: now_ns(clock::KERNEL),
            ids: Ids::default(),
            told: Calls::default(),
            events: 0,
            max_events: max_events.unwrap_or(u64::MAX),
            rate,
            losses_due_ns: 0,
            misses_due_ns: 0,
            rest: Vec::new().into_iter(),
            merged: Vec::new().into_iter(),
        }
    }

    /// Whether as many events as wanted are under way to the output.
    pub(crate) fn is_done(&self) -> bool {
        self.events >= self.max_events
    }

    /// Takes a batch from the ring. Says whether there may be more.
    pub(crate) fn fill(&mut self, ring: &mut RingBuf<MapData>) -> bool {
        let clock = self.offset.refresh();
        let now = now_ns(clock::KERNEL);
        self.advance(now);
        for _ in 0..RECORDS {
            if self.is_full() {
                break;
            }
            if let Some(record) = ring.next() {
                self.push(&record, clock);
            } else if let Some(record) = self.rest.next() {
                self.push(&record, clock);
            } else {
                self.told.taken_until(now);
                return false;
            }
        }
        true
    }

    /// Tells the limit the time.
    fn advance(&mut self, now_ns: u64) {
        if let Some(rate) = &mut self.rate {
            rate.advance(now_ns);
        }
    }

    /// Whether the limit leaves room for another line about calls of this user's.
    fn allows_more(&self, uid: u32) -> bool {
        self.rate.as_ref().is_none_or(|rate| rate.allows_more(uid))
    }

    /// Whether so much was gathered that it is to be written before there is more.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Tells of a call that is under way, from its thread's slot, which is to be in the state
    /// [`State::Entered`]. Its return is an event of its own when it comes. Says whether it was
    /// told: not if it was before, nor past `--max-events`, nor if `--max-output-rate` leaves no room. As the
    /// programs take it for told, it is booked then.
    pub(crate) fn tell_unfinished(&mut self, record: &[u8]) -> bool {
        let Some(Glance { key, state: State::Entered, .. }) = Glance::at(record) else {
            return false;
        };
        self.advance(now_ns(clock::KERNEL));
        if self.told.knows(key) {
            return false;
        }
        let is_done = self.is_done();
        if is_done || !self.allows_more(decode::uid(record)) {
            if is_done {
                self.account.left_out(1);
            } else {
                self.limit(record);
            }
            self.told.remember_lost(key);
            return false;
        }
        let clock = self.offset.refresh();
        match &mut decode::call(record, clock) {
            Ok(call) => {
                let entry = Entry::Unfinished(call.row, call.holes(), key);
                let id = self.call(call, clock, entry, || Some(key));
                match id {
                    Some(id) => self.told.remember(key, id),
                    None => self.told.remember_lost(key),
                }
                id.is_some()
            }
            Err(error) => {
                tracing::error!("a call that is under way is lost: {error}");
                self.account.undecodable(1);
                self.told.remember_lost(key);
                false
            }
        }
    }

    /// Forgets calls that were told of, are not among those `under_way` any more and whose return
    /// was lost. `under_way` is what all slots held just now.
    pub(crate) fn retain_told(&mut self, under_way: &HashSet<CallKey>) {
        self.told.retain(under_way, now_ns(clock::KERNEL));
    }

    /// Has more records to take once the ring is empty. Of calls that are under way only those are
    /// told that were not told before.
    pub(crate) fn add(&mut self, records: Vec<RecordBytes>) {
        self.rest = records.into_iter();
    }

    fn push(&mut self, record: &[u8], clock: WallClock) {
        let account = &self.account;
        let is_change = |known: &mut Known| known.note(record, account.processes_lost());
        if self.known.as_mut().is_some_and(is_change) {
            return;
        }
        match decode::kind(record) {
            Some(RecordKind::Generate) => self.push_generate(record, clock),
            Some(RecordKind::Deliver) => self.push_deliver(record, clock),
            Some(RecordKind::Exit) => self.push_exit(record, clock),
            _ => self.push_call(record, clock),
        }
    }

    fn push_generate(&mut self, record: &[u8], clock: WallClock) {
        if self.is_done() {
            self.takers.iter_mut().for_each(Takers::forget);
            self.account.others.left_out(Kind::Generate);
            return;
        }
        if !self.allows_more(decode::uid_charged(record)) {
            self.note_unprinted(record, clock);
            self.account.others.lost(Kind::Generate);
            return;
        }
        match &mut decode::generate(record, clock) {
            Ok(generate) => {
                generate.request = generate.call_key.map(|call| self.request(call));
                generate.merged_into = generate.merged_key.map(|key| self.ids.of_signal(key));
                generate.id = self.ids.of_signal(generate.key);
                if let Some(takers) = &mut self.takers {
                    takers.note(generate, clock);
                }
                let account = &self.account;
                let known = self.known.as_mut();
                let mut ends = known.map(|it| it.ends(generate, account.processes_lost()));
                if self.deaths.is_some() {
                    self.note(*generate, ends);
                    return;
                }
                if let (Some(known), Some(ends)) = (&mut self.known, &ends)
                    && !known.selects_ends(ends)
                {
                    self.account.others.left_out(Kind::Generate);
                    return;
                }
                self.name(ends.as_mut().and_then(Ends::code), generate.target.process.uid);
                if let Some(why) = &mut self.why {
                    why.note(generate, ends.as_ref());
                }
                generate.seq = self.queue.next_seq();
                self.events += 1;
                let event = Event::Generate(generate, ends.as_ref());
                self.line(event, Entry::Other(Kind::Generate));
            }
            Err(error) => {
                tracing::error!("a signal that was sent is lost: {error}");
                self.takers.iter_mut().for_each(Takers::forget);
                self.account.others.lost(Kind::Generate);
            }
        }
    }

    /// Takes note of a signal that is not printed, as it can be taken all the same.
    fn note_unprinted(&mut self, record: &[u8], clock: WallClock) {
        let Some(takers) = &mut self.takers else { return };
        match &mut decode::generate(record, clock) {
            Ok(generate) => {
                generate.id = self.ids.of_signal(generate.key);
                takers.note(generate, clock);
            }
            Err(_) => takers.forget(),
        }
    }

    /// Keeps a signal that may kill its target, or says what else it did.
    fn note(&mut self, generate: Generate, ends: Option<Ends>) {
        let Some(deaths) = &mut self.deaths else { return };
        if let Told::Now(sent) = deaths.note(generate, ends) {
            let (mut generate, ends) = *sent;
            if let (Some(known), Some(ends)) = (&mut self.known, &ends)
                && !known.selects_end(&ends.target)
            {
                self.account.others.left_out(Kind::Generate);
                return;
            }
            generate.seq = self.queue.next_seq();
            let sent = Sent { generate: &generate, ends: ends.as_ref(), memory_group: None };
            self.line(Event::Effect(sent), Entry::Other(Kind::Generate));
        }
    }

    /// Says which function some code is in, of an event that is going to be told about a process of this user's.
    fn name(&mut self, code: Option<&mut Code>, uid: u32) {
        if let Some(known) = &mut self.known {
            known.name(code, uid);
        }
    }

    /// Tells why a process ended.
    fn tell_death(&mut self, exit: &Exit, process: Option<&output::Known>) {
        let mut sent = self.deaths.as_mut().and_then(|deaths| deaths.of(exit));
        let ends = sent.as_mut().and_then(|(_, ends)| ends.as_mut());
        self.name(ends.and_then(Ends::code), exit.process.uid);
        let memory = sent.as_ref().and_then(|(generate, _)| generate.memory?.cgroup);
        let path = memory.and_then(|id| self.known.as_ref()?.group_path(id));
        let sent = sent.as_ref().map(|(generate, ends)| Sent {
            generate,
            ends: ends.as_ref(),
            memory_group: path.as_deref(),
        });
        let death = Death { exit, process, sent };
        if let Some(why) = &mut self.why {
            why.tell(&death);
        }
        self.line(Event::Death(&death), Entry::Other(Kind::Exit));
    }

    fn push_deliver(&mut self, record: &[u8], clock: WallClock) {
        if self.is_done() {
            self.account.others.left_out(Kind::Deliver);
            return;
        }
        if !self.allows_more(decode::uid_of_taker(record)) {
            self.account.others.lost(Kind::Deliver);
            return;
        }
        match &mut decode::deliver(record, clock) {
            Ok(deliver) => {
                if let Some(takers) = &mut self.takers {
                    takers.delivered(deliver);
                }
                let account = &self.account;
                let known = self.known.as_mut();
                let mut known = known.map(|it| it.taker(deliver, clock, account.processes_lost()));
                if let (Some(all), Some(taker)) = (&mut self.known, &known)
                    && !all.selects_end(&taker.known)
                {
                    self.account.others.left_out(Kind::Deliver);
                    return;
                }
                let handler = known.as_mut().and_then(|taker| taker.handler_at.as_mut());
                self.name(handler, deliver.thread.process.uid);
                deliver.generate = deliver.key.map(|key| self.ids.of_signal(key));
                deliver.id = self.ids.give();
                deliver.seq = self.queue.next_seq();
                self.events += 1;
                let event = Event::Deliver(deliver, known.as_ref());
                self.line(event, Entry::Other(Kind::Deliver));
            }
            Err(error) => {
                tracing::error!("a signal that was taken is lost: {error}");
                self.account.others.lost(Kind::Deliver);
            }
        }
    }

    /// The id of a call that something is done in.
    fn request(&mut self, call: CallKey) -> u64 {
        self.told.id(call).unwrap_or_else(|| self.ids.refer_to(call))
    }

    fn push_exit(&mut self, record: &[u8], clock: WallClock) {
        match decode::exit(record, clock) {
            Ok(_) if self.is_done() => self.account.others.left_out(Kind::Exit),
            Ok(exit) if !self.allows_more(exit.process.uid) => {
                self.account.others.lost(Kind::Exit);
            }
            Ok(exit) => {
                let account = &self.account;
                let known = self.known.as_mut();
                let known = known.map(|it| it.ended(&exit, account.processes_lost()));
                if let (Some(all), Some(ended)) = (&mut self.known, &known)
                    && !all.selects_end(ended)
                {
                    self.account.others.left_out(Kind::Exit);
                    return;
                }
                self.events += 1;
                let generate = exit.key.map(|key| self.ids.of_signal(key));
                let (id, seq) = (self.ids.give(), self.queue.next_seq());
                let exit = Exit { id, seq, generate, ..exit };
                if self.deaths.is_some() {
                    self.tell_death(&exit, known.as_ref());
                } else {
                    if let Some(why) = &mut self.why {
                        why.ended(&exit, known.as_ref());
                    }
                    self.line(Event::Exit(&exit, known.as_ref()), Entry::Other(Kind::Exit));
                }
            }
            Err(error) => {
                tracing::error!("the end of a process is lost: {error}");
                self.account.others.lost(Kind::Exit);
            }
        }
    }

    fn push_call(&mut self, record: &[u8], clock: WallClock) {
        match self.told.meet(record) {
            Met::New if self.is_done() => self.account.left_out(1),
            // Before it is decoded, so that a flood costs little.
            Met::New if !self.allows_more(decode::uid(record)) => self.limit(record),
            // By reference: a call is large, and moving it takes longer than decoding it.
            Met::New => match &mut decode::call(record, clock) {
                Ok(call) => {
                    let entry = Entry::Call(call.row, call.holes());
                    self.call(call, clock, entry, || Some(Glance::at(record)?.key));
                }
                Err(error) => {
                    tracing::error!("a record from the kernel is lost: {error}");
                    self.account.undecodable(1);
                }
            },
            Met::Return(_) if !self.allows_more(decode::uid(record)) => self.account.return_lost(),
            Met::Return(id) => match &mut decode::call(record, clock) {
                Ok(call) => self.returned(id, call, clock),
                Err(error) => {
                    tracing::error!("the return of a call is lost: {error}");
                    self.account.return_lost();
                }
            },
            Met::Known => {}
        }
    }

    /// Books a call that the limit leaves no room for.
    fn limit(&mut self, record: &[u8]) {
        self.account.rate_limited(1);
        self.crowd.add_losses(decode::lost(record).map(|entry| (entry, 1)));
    }

    /// Prints a call, unless it is left out by who it is about. Returns the id it is given. `key` tells it from
    /// others.
    fn call(
        &mut self,
        call: &mut Call<'_>,
        clock: WallClock,
        entry: Entry,
        key: impl FnOnce() -> Option<CallKey>,
    ) -> Option<u64> {
        self.find_taken(call, clock);
        let account = &self.account;
        let parties = self.known.as_mut();
        let mut parties = parties.map(|it| it.parties(call, clock, account.processes_lost()));
        if let (Some(known), Some(parties)) = (&mut self.known, &parties)
            && !known.selects(call, parties)
        {
            self.account.left_out(1);
            return None;
        }
        self.name(parties.as_mut().and_then(|it| it.handler_at.as_mut()), call.uid);
        call.id = self.ids.of_call(key);
        self.events += 1;
        call.seq = self.queue.next_seq();
        self.line(Event::Call(call, parties.as_ref()), entry);
        Some(call.id)
    }

    /// Finds out which signals a call took.
    fn find_taken(&mut self, call: &mut Call<'_>, clock: WallClock) {
        if let Some(takers) = &mut self.takers {
            takers.find(call, clock, || self.account.signals_unseen());
        }
    }

    /// Prints the return of a call that was printed with this id.
    fn returned(&mut self, id: u64, call: &mut Call<'_>, clock: WallClock) {
        self.find_taken(call, clock);
        call.id = id;
        call.seq = self.queue.next_seq();
        let time_ns = call.returned_ns().unwrap_or_else(|| now_ns(libc::CLOCK_REALTIME));
        self.line(Event::Return { call, time_ns }, Entry::Return);
    }

    fn line(&mut self, event: Event<'_>, entry: Entry) {
        let uid = event.uid();
        match self.queue.add(event, entry) {
            Ok(length) => {
                if let (Some(rate), Some(uid)) = (&mut self.rate, uid) {
                    rate.spend(uid, length);
                }
            }
            Err((error, entry)) => {
                tracing::error!("an event is lost: {error}");
                let Self { account, crowd, told, .. } = self;
                Books { account, crowd, told }.enter_inexpressible(entry);
            }
        }
    }

    /// Has merged calls to tell of, besides those that it has still.
    pub(crate) fn add_merged(&mut self, entries: Vec<crowd::Entry>) {
        let merged = self.merged.by_ref().chain(entries).collect::<Vec<_>>();
        self.merged = merged.into_iter();
    }

    /// Tells of merged calls, as many as there are. May be dropped and called again.
    pub(crate) async fn tell_merged(&mut self) -> io::Result<()> {
        while let Some(entry) = self.merged.next() {
            self.tell_repeated(&entry);
            if self.is_full() {
                self.flush().await?;
            }
        }
        Ok(())
    }

    fn tell_repeated(&mut self, entry: &crowd::Entry) {
        if self.is_done() {
            self.account.left_out(entry.count);
            return;
        }
        self.advance(now_ns(clock::KERNEL));
        if !self.allows_more(entry.alike.uid) {
            self.account.rate_limited(entry.count);
            self.crowd.add_losses([(*entry, entry.count)]);
            return;
        }
        let clock = self.offset.refresh();
        match decode::repeated(entry, clock) {
            Ok(repeated) => {
                let repeated = Repeated { seq: self.queue.next_seq(), ..repeated };
                let time_ns = now_ns(libc::CLOCK_REALTIME);
                let event = Event::Repeated { repeated: &repeated, time_ns };
                self.line(event, Entry::Repeated(repeated.count));
            }
            Err(error) => {
                tracing::error!("merged calls are lost: {error}");
                self.account.undecodable(entry.count);
            }
        }
    }

    /// Tells of losses as [`report_losses`](Self::report_losses) does, but not again at once.
    pub(crate) fn report_losses_now_and_then(&mut self) {
        let now = now_ns(clock::KERNEL);
        if now >= self.misses_due_ns {
            self.account.ask_for_misses();
            self.misses_due_ns = now + LOSSES_APART_NS;
        }
        if let Some(known) = &mut self.known {
            known.tidy(now, self.account.processes_lost());
        }
        if now >= self.losses_due_ns && self.report_losses() {
            self.losses_due_ns = now + LOSSES_APART_NS;
        }
    }

    /// Tells of losses since the last time. Says whether there were any.
    pub(crate) fn report_losses(&mut self) -> bool {
        let Some(losses) = self.account.new_losses() else { return false };
        let whose = self.crowd.take_losses();
        let time_ns = now_ns(libc::CLOCK_REALTIME);
        let most = culprits::most(&whose);
        let lost = Lost {
            time_ns,
            causes: losses.calls.causes(),
            returns: losses.returns,
            events: self.account.others.named(losses.others),
            most,
        };
        self.line(Event::Lost(&lost), Entry::Lost(Box::new((losses, whose))));
        true
    }

    /// Tells of a time in which no probe of these syscalls answered: since when, until when if they
    /// do again, and why. It is numbered among calls and returns, and is none of them to the books.
    pub(crate) fn report_blind(
        &mut self,
        since_ns: u64,
        until_ns: Option<u64>,
        syscalls: Vec<&'static str>,
        reason: String,
    ) {
        let time_ns = now_ns(libc::CLOCK_REALTIME);
        let seq = self.queue.next_seq();
        let blind = Blind { time_ns, seq, since_ns, until_ns, syscalls, reason };
        self.line(Event::Blind(&blind), Entry::None);
    }

    /// Tells the totals.
    pub(crate) fn report_stats(&mut self, mechanisms: &BTreeMap<usize, Mechanism>) {
        let stats = self.stats(mechanisms);
        self.line(Event::Stats(&stats), Entry::None);
    }

    /// The line of the totals, which is to be written elsewhere.
    pub(crate) fn totals(
        &mut self,
        mechanisms: &BTreeMap<usize, Mechanism>,
    ) -> io::Result<Vec<u8>> {
        let stats = self.stats(mechanisms);
        self.queue.format(Event::Stats(&stats))
    }

    /// What is not known of processes: see [`Known::unknown`].
    pub(crate) fn unknown(&self) -> [u64; 2] {
        self.known.as_ref().map_or([0; 2], Known::unknown)
    }

    fn stats(&self, mechanisms: &BTreeMap<usize, Mechanism>) -> Stats {
        let elapsed = now_ns(clock::KERNEL) - self.started_ns;
        let lost = self.account.processes_lost();
        let context = self.known.as_ref().map_or_else(Default::default, |it| it.counts(lost));
        let stats = self.account.stats(now_ns(libc::CLOCK_REALTIME), elapsed, mechanisms);
        Stats { context, ..stats }
    }

    /// Writes what was gathered. What there is no room for is lost. May be dropped and called again.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        let Self { queue, account, crowd, told, .. } = self;
        let mut books = Books { account, crowd, told };
        queue.flush(&mut |entry, is_written| books.enter(entry, is_written)).await
    }

    /// Gives up the lines that are not written. Says whether there are any.
    fn give_up_lines(&mut self) -> bool {
        let Self { queue, account, crowd, told, .. } = self;
        let mut books = Books { account, crowd, told };
        queue.give_up(&mut |entry, is_written| books.enter(entry, is_written))
    }

    /// Whether there was no room for what was to be written last.
    pub(crate) fn is_out_of_room(&self) -> bool {
        self.queue.is_out_of_room()
    }

    /// How many bytes were written so far, to be looked at while more are.
    pub(crate) fn progress(&self) -> Arc<AtomicU64> {
        self.queue.progress()
    }

    /// Resolves once everything written was read, where that can be told, or after a while.
    pub(crate) async fn read(&self) {
        self.queue.read().await;
    }

    /// Gives up what is not written, and what is still in the ring. Says whether that is anything.
    pub(crate) fn give_up(&mut self, ring: &mut RingBuf<MapData>) -> bool {
        let mut any = self.give_up_lines();
        for record in mem::take(&mut self.rest) {
            any |= self.give_up_on(&record);
        }
        while let Some(record) = ring.next() {
            any |= self.give_up_on(&record);
        }
        let merged = self.crowd.take_all();
        self.add_merged(merged);
        for entry in mem::take(&mut self.merged) {
            self.account.not_written(entry.count);
            any = true;
        }
        any
    }

    /// Books a record that is not printed any more. Says whether anything is lost with it.
    fn give_up_on(&mut self, record: &[u8]) -> bool {
        if decode::is_change(record) || decode::is_code(record) {
            return false;
        }
        match decode::kind(record) {
            Some(RecordKind::Generate) => self.account.others.lost(Kind::Generate),
            Some(RecordKind::Deliver) => self.account.others.lost(Kind::Deliver),
            Some(RecordKind::Exit) => self.account.others.lost(Kind::Exit),
            _ => match self.told.meet(record) {
                Met::New => self.account.not_written(1),
                Met::Return(_) => self.account.return_lost(),
                Met::Known => return false,
            },
        }
        true
    }

    /// Resolves once nobody can read the output any more.
    pub(crate) async fn closed(&self) {
        self.queue.closed().await;
    }
}
