//! A workload as a process, and what it says it did.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::death::Death;
use crate::expect::Expected;

use super::children::{Ended, Running};
use super::wait;

pub(super) const PROGRAM: &str = "/payload/workload";
pub(super) const PROGRAM_32: &str = "/payload/workload32";
/// What makes calls through the interface of 32-bit programs, and its first arguments: on x86 a 64-bit program
/// can, by `int 0x80`.
pub(super) const NARROW: (&str, &[&str]) =
    if cfg!(target_arch = "x86_64") { (PROGRAM, &["int80"]) } else { (PROGRAM_32, &[]) };
/// A workload that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(90);

/// What a workload that has ended says it did.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Its calls, each thread's in order.
    pub expected: Vec<Expected>,
}

impl Workload {
    /// Runs a workload to its end.
    #[track_caller]
    pub fn run(name: &str) -> Self {
        Self::run_with(name, &[])
    }

    /// Runs a workload with arguments of its own to its end.
    #[track_caller]
    pub fn run_with(name: &str, args: &[&str]) -> Self {
        Self::try_run(name, args).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs a workload with arguments of its own to its end.
    ///
    /// # Errors
    ///
    /// When it fails or does not end; what it said then.
    pub fn try_run(name: &str, args: &[&str]) -> Result<Self, String> {
        Self::try_command(name, Command::new(PROGRAM).arg(name).args(args))
    }

    /// Runs a workload through the interface of 32-bit programs.
    ///
    /// # Errors
    ///
    /// As [`try_run`](Self::try_run).
    pub fn try_run_narrow(name: &str) -> Result<Self, String> {
        let (program, interface) = NARROW;
        Self::try_command(name, Command::new(program).args(interface).arg(name))
    }

    /// Runs a workload with the calls of x32 programs.
    ///
    /// # Errors
    ///
    /// As [`try_run`](Self::try_run).
    pub fn try_run_as_x32(name: &str) -> Result<Self, String> {
        Self::try_command(name, Command::new(PROGRAM).args(["x32", name]))
    }

    /// Runs a workload as a 32-bit program.
    ///
    /// # Errors
    ///
    /// As [`try_run`](Self::try_run).
    pub fn try_run_32(name: &str) -> Result<Self, String> {
        Self::try_command(name, Command::new(PROGRAM_32).arg(name))
    }

    fn try_command(name: &str, command: &mut Command) -> Result<Self, String> {
        let running = Running::start(command);
        let ended = running.end_within(LIMIT);
        if ended.status.success() {
            return Self::stated(name, &ended.stdout);
        }
        let (status, stderr) = (ended.status, ended.stderr);
        Err(format!("workload {name} failed: {status}\n{stderr}"))
    }

    /// What a workload stated on its standard output.
    ///
    /// # Errors
    ///
    /// When it is not a statement, or an empty one.
    pub fn stated(name: &str, stdout: &str) -> Result<Self, String> {
        let parse = |line| {
            serde_json::from_str(line)
                .map_err(|error| format!("workload {name} wrote {line:?}: {error}"))
        };
        let expected = stdout.lines().map(parse).collect::<Result<Vec<Expected>, _>>()?;
        if expected.is_empty() {
            return Err(format!("workload {name} did nothing"));
        }
        Ok(Self { name: name.into(), expected })
    }
}

/// Does an act of `workload day`, to the end.
///
/// # Errors
///
/// When it fails; what it said then.
pub fn perform(act: &str) -> Result<Vec<Death>, String> {
    let ended = Background::start("day", &[act]).end();
    if !ended.status.success() {
        return Err(format!("{act}: {}\n{}", ended.status, ended.stderr));
    }
    let death = |line| serde_json::from_str(line).map_err(|error| format!("{line:?}: {error}"));
    ended.stdout.lines().map(death).collect()
}

/// A workload that is still running; killed when it is dropped.
#[derive(Debug)]
pub struct Background {
    name: String,
    running: Running,
}

impl Background {
    /// Starts a workload with arguments of its own.
    pub fn start(name: &str, args: &[&str]) -> Self {
        let running = Running::start(Command::new(PROGRAM).arg(name).args(args));
        Self { name: name.into(), running }
    }

    /// Runs one that says how many calls it made to its end. How many it made.
    #[track_caller]
    pub fn count(name: &str, numbers: &[u64]) -> u64 {
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let ended = Self::start(name, &numbers).end();
        assert!(ended.status.success(), "{ended:#?}");
        ended.stdout.trim().parse().unwrap_or_else(|error| panic!("{error}: {ended:#?}"))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.child.id()
    }

    /// Waits until its first thread sleeps in the system call with this number.
    #[track_caller]
    pub fn wait_until_in(&self, number: i64) {
        let path = format!("/proc/{}/syscall", self.pid());
        wait::until(&format!("workload {} to be in syscall {number}", self.name), || {
            let state = fs::read_to_string(&path).unwrap_or_default();
            state.starts_with(&format!("{number} ")).then_some(())
        });
    }

    /// Waits for its end, whatever that is.
    pub fn end(self) -> Ended {
        self.running.end_within(LIMIT)
    }

    /// Kills it. What it stated before.
    #[track_caller]
    pub fn kill(mut self) -> Workload {
        // It fails if the process has ended, which shows in what it stated.
        let _ = self.running.child.kill();
        let stdout = self.running.end().stdout;
        Workload::stated(&self.name, &stdout).unwrap_or_else(|error| panic!("{error}"))
    }
}
