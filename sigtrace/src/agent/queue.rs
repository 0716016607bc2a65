//! Lines on their way to the output: gathered, written, and settled, each once it is known whether it was
//! written.

#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;

use super::{
    room::{self, Room},
    sink::Sink,
};
use crate::output::{Event, Format};

/// Lines are gathered up to this many bytes before they are written.
const BATCH: usize = 64 << 10;

/// How long to wait for a reader of what is written already.
const COURTESY: Duration = Duration::from_secs(3);

/// A line in the buffer, not written yet.
struct Line<E> {
    /// Where it ends in the buffer.
    end: usize,
    /// The number of the next event that has one.
    next_seq: u64,
    /// What it is to the books.
    entry: E,
}

/// The lines, each with what it is to somebody's books: an `E`.
pub(crate) struct Queue<E> {
    format: Box<dyn Format>,
    pub(super) sink: Sink,
    buffer: Vec<u8>,
    lines: Vec<Line<E>>,
    /// How much of the buffer is written.
    written: usize,
    /// Whether the buffer begins in the midst of a line.
    is_begun: bool,
    /// Events numbered so far.
    seq: u64,
    /// The number of the next event after the last one that was written.
    written_seq: u64,
    room: Room,
    /// How many bytes were written in all.
    progress: Arc<AtomicU64>,
}

impl<E> Queue<E> {
    pub(crate) fn new(format: Box<dyn Format>, sink: Sink) -> Self {
        Self {
            format,
            sink,
            buffer: Vec::with_capacity(BATCH + 4096),
            lines: Vec::with_capacity(256),
            written: 0,
            is_begun: false,
            seq: 0,
            written_seq: 0,
            room: Room::default(),
            progress: Arc::default(),
        }
    }

    /// Whether so much was gathered that it is to be written before there is more.
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() >= BATCH
    }

    /// The number of the next event that has one.
    pub(crate) fn next_seq(&mut self) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        seq
    }

    /// Adds the line of an event. Returns how many bytes it has.
    ///
    /// # Errors
    ///
    /// When the event cannot be expressed: then there is no line, and `entry` is not settled but returned.
    pub(crate) fn add(&mut self, event: Event<'_>, entry: E) -> Result<usize, (io::Error, E)> {
        let start = self.buffer.len();
        if let Err(error) = self.format.write(event, &mut self.buffer) {
            self.buffer.truncate(start);
            return Err((error, entry));
        }
        self.lines.push(Line { end: self.buffer.len(), next_seq: self.seq, entry });
        Ok(self.buffer.len() - start)
    }

    /// The line of an event that is to be written elsewhere.
    pub(crate) fn format(&mut self, event: Event<'_>) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.format.write(event, &mut line)?;
        Ok(line)
    }

    /// Writes what was gathered, and has every line settled by whether it was written: those that there is
    /// no room for were not. May be dropped and called again.
    pub(crate) async fn flush(&mut self, settle: &mut impl FnMut(E, bool)) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        while self.written < self.buffer.len() {
            match self.sink.write(&self.buffer[self.written..]).await {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.written += count;
                    self.progress.fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(error) if room::is_want(&error) => {
                    self.room.ran_out(&error);
                    self.lose_unwritten(settle);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.room.was_there();
        self.settle(settle);
        Ok(())
    }

    /// Gives up the lines that are not written, and their numbers, so that those of the stream have no
    /// gaps. One that was begun, and could not be taken back, is kept: its rest comes first.
    fn lose_unwritten(&mut self, settle: &mut impl FnMut(E, bool)) {
        let next = self.lines.partition_point(|line| line.end <= self.written);
        let start = next.checked_sub(1).and_then(|last| self.lines.get(last)).map(|line| line.end);
        let is_begun =
            start.map_or(self.is_begun || self.written > 0, |start| start < self.written);
        let begun = (is_begun && next < self.lines.len()).then(|| self.lines.remove(next));
        let rest = begun.map(|line| (self.buffer[self.written..line.end].to_vec(), line));
        self.settle(settle);
        self.seq = self.written_seq;
        if let Some((rest, line)) = rest {
            self.seq = line.next_seq;
            self.lines.push(Line { end: rest.len(), ..line });
            self.buffer.extend(rest);
            self.is_begun = true;
        }
    }

    /// Gives up what is not written. Says whether that is anything.
    pub(crate) fn give_up(&mut self, settle: &mut impl FnMut(E, bool)) -> bool {
        let any = self.written < self.buffer.len();
        self.settle(settle);
        any
    }

    /// Settles every line by whether it was written, and forgets it.
    fn settle(&mut self, settle: &mut impl FnMut(E, bool)) {
        for line in self.lines.drain(..) {
            let is_written = line.end <= self.written;
            if is_written {
                self.written_seq = line.next_seq;
            }
            settle(line.entry, is_written);
        }
        self.buffer.clear();
        self.written = 0;
        self.is_begun = false;
    }

    /// Whether there was no room for what was to be written last.
    pub(crate) fn is_out_of_room(&self) -> bool {
        self.room.is_out()
    }

    /// How many bytes were written so far, to be looked at while more are.
    pub(crate) fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.progress)
    }

    /// Resolves once everything written was read, where that can be told, or after a while.
    pub(crate) async fn read(&self) {
        if let Ok(Err(error)) = timeout(COURTESY, self.sink.read()).await {
            tracing::debug!("output: {error}");
        }
    }

    /// Resolves once nobody can read the output any more.
    pub(crate) async fn closed(&self) {
        self.sink.closed().await;
    }
}
