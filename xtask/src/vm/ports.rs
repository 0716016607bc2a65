//! Reading the guest's two serial ports, each in a thread of its own.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Sender;

use super::console;

/// What the readers have to tell. A receiver that is gone is one that wants to hear no more.
pub(super) enum Event {
    /// A line from the console.
    Console(String),
    /// The console is closed: the guest has ended.
    ConsoleEnded,
    /// The job wrote something.
    Output,
    /// Nobody reads the job's output any more.
    OutputClosed,
    /// Everything the job wrote has been delivered, or why not.
    OutputEnded(io::Result<()>),
}

/// Passes the console on line by line.
pub(super) fn read_console(console: UnixStream, events: &Sender<Event>) {
    let mut reader = BufReader::new(console);
    let mut raw = Vec::new();
    // A failed read is the end of the guest like any other: its result decides.
    while matches!(reader.read_until(b'\n', &mut raw), Ok(1..)) {
        let line = console::clean(&raw);
        raw.clear();
        if !line.is_empty() && events.send(Event::Console(line)).is_err() {
            return;
        }
    }
    let _ = events.send(Event::ConsoleEnded);
}

/// Passes the job's output on as it comes. A broken pipe is reported, and is no error.
pub(super) fn deliver(mut job: UnixStream, mut out: Box<dyn Write + Send>, events: &Sender<Event>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut result = Ok(());
    while let Ok(count @ 1..) = job.read(&mut buffer) {
        let _ = events.send(Event::Output);
        if result.is_err() {
            continue;
        }
        result = out.write_all(&buffer[..count]).and_then(|()| out.flush());
        if result.is_err() {
            let _ = events.send(Event::OutputClosed);
        }
    }
    if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        result = Ok(());
    }
    let _ = events.send(Event::OutputEnded(result));
}
