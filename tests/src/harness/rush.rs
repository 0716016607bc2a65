//! The workload `rush`: processes of another user that call as fast as they can.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::children::spawn;

/// Processes of user 1000 that call `tkill` without end, once they have begun.
#[derive(Debug)]
pub struct Rush {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Rush {
    /// So many of them, in one of the workload's modes. They begin at once.
    pub fn start(mode: &str, processes: usize) -> Self {
        let mut command = Command::new("/payload/workload");
        command.args(["rush", mode, &processes.to_string()]);
        let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("both are pipes");
        };
        input.write_all(b"\n").unwrap_or_else(|error| panic!("it does not begin: {error}"));
        Self { child, input: Some(input), output: BufReader::new(output) }
    }

    /// Ends them. Returns how many calls they made.
    pub fn end(mut self) -> u64 {
        self.input = None;
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        line.trim().parse().unwrap_or_else(|_| panic!("{line:?} is no count: {read:?}"))
    }
}

impl Drop for Rush {
    fn drop(&mut self) {
        // Nothing, if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
