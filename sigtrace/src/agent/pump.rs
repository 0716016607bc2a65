//! From the ring to the output: decode, number, queue, keep the books.

mod calls;
mod report;
mod signals;
#[cfg(test)]
mod tests;

use std::{
    io, mem,
    sync::{Arc, atomic::AtomicU64},
    vec,
};

use aya::maps::{MapData, RingBuf};
use sigtrace_common::{RecordKind, crowd};

use super::{
    account::Account,
    clock::{self, Offset, now_ns},
    crowd::Crowd,
    deaths::Deaths,
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
    bpf::RecordBytes,
    decode::{self, Repeated, WallClock},
    output::{Event, Format},
};

/// No more records are taken at a time, whatever becomes of them: those that are not printed do not fill
/// the buffer, and while the ring is never empty the rest of the agent must have its turn, too.
const RECORDS: usize = 4096;

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
