//! Workloads in parts, the next of which begins when the test says so.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::children::spawn;
use super::workload::{NARROW, PROGRAM, PROGRAM_32, Workload};

/// A workload that has ended its first part. It ends when dropped.
#[derive(Debug)]
pub struct Staged {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    part: String,
}

impl Staged {
    /// Starts a workload, and waits for the end of its first part.
    #[track_caller]
    pub fn start(name: &str, args: &[&str]) -> Self {
        Self::command(name, Command::new(PROGRAM).arg(name).args(args))
    }

    /// Starts one through the interface of 32-bit programs.
    #[track_caller]
    pub fn start_narrow(name: &str, args: &[&str]) -> Self {
        let (program, interface) = NARROW;
        Self::command(name, Command::new(program).args(interface).arg(name).args(args))
    }

    /// Starts one as a 32-bit program.
    #[track_caller]
    pub fn start_32(name: &str) -> Self {
        Self::command(name, Command::new(PROGRAM_32).arg(name))
    }

    #[track_caller]
    fn command(name: &str, command: &mut Command) -> Self {
        let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("both are pipes");
        };
        let (output, name) = (BufReader::new(output), name.to_owned());
        let mut staged = Self { name, child, input: Some(input), output, part: String::new() };
        staged.read_part();
        staged
    }

    /// Has it do the next part, and waits for the end of that.
    #[track_caller]
    pub fn go_on(&mut self) {
        let told = self.input.as_mut().map(|input| input.write_all(b"\n"));
        assert!(matches!(told, Some(Ok(()))), "{} is over: {told:?}", self.name);
        self.read_part();
    }

    /// What it stated of the last part.
    #[track_caller]
    pub fn stated(&self) -> Workload {
        Workload::stated(&self.name, &self.part).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What it wrote in the last part.
    pub fn part(&self) -> &str {
        &self.part
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asserts that it is still there.
    #[track_caller]
    pub fn assert_alive(&self) {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
        assert!(matches!(state, Some(Some('R' | 'S'))), "{}: {stat}", self.name);
    }

    /// Waits for its end, there being no more to do. It succeeds.
    #[track_caller]
    pub fn end(mut self) {
        self.input = None;
        let status = self.child.wait().unwrap_or_else(|error| panic!("waiting: {error}"));
        assert!(status.success(), "{}: {status}", self.name);
    }

    #[track_caller]
    fn read_part(&mut self) {
        self.part.clear();
        loop {
            let start = self.part.len();
            let length = self.output.read_line(&mut self.part);
            let length = length.unwrap_or_else(|error| panic!("{}: {error}", self.name));
            assert!(length > 0, "{} ended before it was told to", self.name);
            if &self.part[start..] == "\n" {
                self.part.truncate(start);
                return;
            }
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Nothing, if it was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
