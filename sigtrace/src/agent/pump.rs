//! From the ring to the output: decode, number, format, write, keep the books.

use std::{collections::BTreeMap, io, time::Duration, vec};

use aya::maps::{MapData, RingBuf};
use tokio::time::timeout;

use super::{
    account::Account,
    clock::{self, Offset, now_ns},
    ids::Ids,
    sink::Sink,
};
use crate::{
    bpf::{Mechanism, RecordBytes},
    decode::{self, Holes, WallClock},
    output::{Event, Format, Lost},
};

/// Lines are gathered up to this many bytes before they are written.
const BATCH: usize = 64 << 10;

/// How long to wait for a reader of what is written already.
const COURTESY: Duration = Duration::from_secs(3);

/// While losses go on they are told this often: the first at once, the others added up.
const LOSSES_APART_NS: u64 = 250_000_000;

/// A line in the buffer, not written yet.
struct Line {
    /// Where it ends in the buffer.
    end: usize,
    /// The call it tells of: its row and what it lacks.
    call: Option<(usize, Holes)>,
}

/// The way of the events.
pub(crate) struct Pump {
    format: Box<dyn Format>,
    sink: Sink,
    /// The books.
    pub(crate) account: Account,
    offset: Offset,
    started_ns: u64,
    buffer: Vec<u8>,
    lines: Vec<Line>,
    /// How much of the buffer is written.
    written: usize,
    ids: Ids,
    /// Events numbered so far.
    seq: u64,
    /// No more calls than this many.
    max_events: u64,
    /// When the next losses are told, on [`clock::KERNEL`].
    losses_due_ns: u64,
    /// When the kernel is asked again how often it skipped a program.
    misses_due_ns: u64,
    /// Records that do not come through the ring, to be taken once that is empty.
    rest: vec::IntoIter<RecordBytes>,
}

impl Pump {
    pub(crate) fn new(
        format: Box<dyn Format>,
        sink: Sink,
        account: Account,
        max_events: Option<u64>,
    ) -> Self {
        Self {
            format,
            sink,
            account,
            offset: Offset::new(),
            started_ns: now_ns(clock::KERNEL),
            buffer: Vec::with_capacity(BATCH + 4096),
            lines: Vec::with_capacity(256),
            written: 0,
            ids: Ids::default(),
            seq: 0,
            max_events: max_events.unwrap_or(u64::MAX),
            losses_due_ns: 0,
            misses_due_ns: 0,
            rest: Vec::new().into_iter(),
        }
    }

    /// Whether as many calls as wanted are under way to the output.
    pub(crate) fn is_done(&self) -> bool {
        self.ids.given() >= self.max_events
    }

    /// Takes a batch from the ring. Says whether there may be more.
    pub(crate) fn fill(&mut self, ring: &mut RingBuf<MapData>) -> bool {
        let clock = self.offset.refresh();
        while self.buffer.len() < BATCH {
            if let Some(record) = ring.next() {
                self.push(&record, clock);
            } else if let Some(record) = self.rest.next() {
                self.push(&record, clock);
            } else {
                return false;
            }
        }
        true
    }

    /// Has more records to take once the ring is empty.
    pub(crate) fn add(&mut self, records: Vec<RecordBytes>) {
        self.rest = records.into_iter();
    }

    fn push(&mut self, record: &[u8], clock: WallClock) {
        if self.is_done() {
            return self.account.left_out(1);
        }
        let mut call = match decode::call(record, clock) {
            Ok(call) => call,
            Err(error) => {
                tracing::error!("a record from the kernel side is lost: {error}");
                return self.account.undecodable();
            }
        };
        call.id = self.ids.give();
        call.seq = self.seq;
        self.seq += 1;
        self.line(Event::Call(&call), Some((call.row, call.holes())));
    }

    fn line(&mut self, event: Event<'_>, call: Option<(usize, Holes)>) {
        let start = self.buffer.len();
        if let Err(error) = self.format.write(event, &mut self.buffer) {
            self.buffer.truncate(start);
            tracing::error!("an event is lost: {error}");
            if call.is_some() {
                self.account.undecodable();
            }
            return;
        }
        self.lines.push(Line { end: self.buffer.len(), call });
    }

    /// Tells of losses as [`report_losses`](Self::report_losses) does, but not again at once.
    pub(crate) fn report_losses_now_and_then(&mut self) {
        let now = now_ns(clock::KERNEL);
        if now >= self.misses_due_ns {
            self.account.ask_for_misses();
            self.misses_due_ns = now + LOSSES_APART_NS;
        }
        if now >= self.losses_due_ns && self.report_losses() {
            self.losses_due_ns = now + LOSSES_APART_NS;
        }
    }

    /// Tells of losses since the last time. Says whether there were any.
    pub(crate) fn report_losses(&mut self) -> bool {
        let Some(losses) = self.account.new_losses() else { return false };
        let lost = Lost { time_ns: now_ns(libc::CLOCK_REALTIME), causes: losses.causes() };
        self.line(Event::Lost(&lost), None);
        true
    }

    /// Tells the totals.
    pub(crate) fn report_stats(&mut self, mechanisms: &BTreeMap<usize, Mechanism>) {
        let elapsed = now_ns(clock::KERNEL) - self.started_ns;
        let stats = self.account.stats(now_ns(libc::CLOCK_REALTIME), elapsed, mechanisms);
        self.line(Event::Stats(&stats), None);
    }

    /// Writes what was gathered. May be dropped and called again.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while self.written < self.buffer.len() {
            match self.sink.write(&self.buffer[self.written..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => self.written += count,
            }
        }
        self.settle();
        Ok(())
    }

    /// Resolves once everything written was read, where that can be told, or after a while.
    pub(crate) async fn read(&self) {
        if let Ok(Err(error)) = timeout(COURTESY, self.sink.read()).await {
            tracing::debug!("output: {error}");
        }
    }

    /// Gives up what is not written, and what is still in the ring. Says whether that is anything.
    pub(crate) fn give_up(&mut self, ring: &mut RingBuf<MapData>) -> bool {
        let unwritten = self.written < self.buffer.len();
        self.settle();
        let mut calls = self.rest.len() as u64;
        self.rest = Vec::new().into_iter();
        while ring.next().is_some() {
            calls += 1;
        }
        self.account.not_written(calls);
        unwritten || calls > 0
    }

    /// Books every line by whether it was written.
    fn settle(&mut self) {
        for line in self.lines.drain(..) {
            match line.call {
                Some((row, holes)) if line.end <= self.written => self.account.printed(row, holes),
                Some(_) => self.account.not_written(1),
                None => {}
            }
        }
        self.buffer.clear();
        self.written = 0;
    }

    /// Resolves once nobody can read the output any more.
    pub(crate) async fn closed(&self) {
        self.sink.closed().await;
    }
}
