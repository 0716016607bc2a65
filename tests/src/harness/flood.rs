//! The workload `flood`: more calls than anybody can read.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::children::spawn;

/// Threads that call tkill of nobody, with the signals 0 and 15 in turn.
#[derive(Debug)]
pub struct Flood {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Flood {
    /// Of so many threads, each to make so many calls; without end if 0. It has not begun yet.
    pub fn new(threads: u64, calls: u64) -> Self {
        Self::with_pauses(threads, calls, 0)
    }

    /// As [`new`](Self::new), with pauses of so many microseconds between the calls of a thread.
    pub fn with_pauses(threads: u64, calls: u64, pause: u64) -> Self {
        let mut command = Command::new("/payload/workload");
        command.arg("flood").args([threads, calls, pause].map(|number| number.to_string()));
        let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("both are pipes");
        };
        Self { child, input: Some(input), output: BufReader::new(output) }
    }

    /// Runs one to its end. Returns how many calls it made.
    pub fn run(threads: u64, calls: u64) -> u64 {
        let mut storm = Self::new(threads, calls);
        storm.begin();
        let made = storm.end();
        assert_eq!(made, threads * calls);
        made
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it begin.
    pub fn begin(&mut self) {
        self.ask();
    }

    /// How many calls it has made so far; each thread may be in the midst of one more.
    pub fn calls(&mut self) -> u64 {
        self.ask();
        self.answer()
    }

    /// Waits for its end, and brings it about if it has none. Returns how many calls it made.
    pub fn end(mut self) -> u64 {
        self.input = None;
        self.answer()
    }

    fn ask(&mut self) {
        let asked = self.input.as_mut().map(|input| input.write_all(b"\n"));
        assert!(matches!(asked, Some(Ok(()))), "the flood is over: {asked:?}");
    }

    fn answer(&mut self) -> u64 {
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        line.trim().parse().unwrap_or_else(|_| panic!("{line:?} is no count: {read:?}"))
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        // Nothing, if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
