//! sigtrace with an output of the test's choice, for tests of what becomes of that.

use std::fs;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use super::check;
use super::children::{Ended, Reader, read, spawn, text};
use super::notify::Notify;
use super::trace::{Stream, Trace};
use super::tracer::program;
use super::wait::until;

/// A running sigtrace. It is killed when dropped.
#[derive(Debug)]
pub struct Streaming {
    child: Child,
    stderr: Option<Reader>,
    started_ns: u64,
    /// Where it reports to, to the end.
    notify: Option<Notify>,
}

/// What it said of its books when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Events printed.
    pub printed: u64,
    /// Calls filtered out.
    pub filtered: u64,
    /// Calls lost.
    pub lost: u64,
    /// Calls lost as nobody took the output.
    pub output: u64,
    /// Calls lost as the ring was full.
    pub ring_full: u64,
}

/// A command line of sigtrace that is yet to be started.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run_to_end(command: &mut Command) -> Ended {
    super::children::Running::start(command).end()
}

impl Streaming {
    /// Starts sigtrace with this output and waits until its probes are attached.
    pub fn start(args: &[&str], stdout: impl Into<Stdio>) -> Self {
        Self::start_command(command(args).stdout(stdout).stderr(Stdio::piped()))
    }

    /// Starts a [`command`] whose outputs have been chosen, and waits until it is ready.
    pub fn start_command(command: &mut Command) -> Self {
        let notify = Notify::new();
        let mut streaming = Self::unready(command.env("NOTIFY_SOCKET", &notify.path));
        let ended = until("sigtrace to be ready", || {
            let ended = streaming.ended().map(Some);
            ended.or_else(|| notify.is_ready().map(|()| None))
        });
        if let Some(status) = ended {
            panic!("sigtrace ended with {status}: {}", streaming.stderr());
        }
        streaming.notify = Some(notify);
        streaming
    }

    /// Starts a [`command`] that need not become ready.
    pub fn unready(command: &mut Command) -> Self {
        let started_ns = check::now_ns();
        let mut child = spawn(command);
        let stderr = child.stderr.take().map(read);
        Self { child, stderr, started_ns, notify: None }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// The reading end of its standard output, if that was to be a pipe.
    pub fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap_or_else(|| panic!("its output is no pipe, or taken"))
    }

    /// The writing end of its standard input, if that was to be a pipe.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap_or_else(|| panic!("its input is no pipe, or taken"))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: kill touches no memory; the process has not been waited for.
        unsafe { libc::kill(self.pid(), signal) };
    }

    /// Stops it with SIGSTOP, and waits until it stands still.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
        until("sigtrace to stop", || (self.state() == 'T').then_some(()));
    }

    /// Its state as ps shows it, such as `S`.
    pub fn state(&self) -> char {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or(' ')
    }

    /// A number of kB from its status in /proc, such as `VmRSS`.
    pub fn memory(&self, what: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{what}:")));
        let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        number.unwrap_or_else(|| panic!("no {what} in {status}"))
    }

    /// How it has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap_or_else(|error| panic!("waiting: {error}"))
    }

    /// Waits until it has ended. Returns how, and what it wrote to standard error.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = until("sigtrace to end", || self.ended());
        (status, self.stderr())
    }

    fn stderr(&mut self) -> String {
        text(self.stderr.take())
    }

    /// The complete lines among what it wrote, each of them checked as the lines of every trace
    /// are. After its end.
    pub fn trace(started: &Started, text: &str, status: ExitStatus, stderr: String) -> Trace {
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        let stream = Stream {
            text: text[..complete].to_owned(),
            started_ns: started.0,
            ended_ns: check::now_ns(),
        };
        Trace::new(Ended { status, stdout: String::new(), stderr }, &stream)
    }

    /// When it was started.
    pub fn started(&self) -> Started {
        Started(self.started_ns)
    }
}

/// When a sigtrace was started.
#[derive(Clone, Copy, Debug)]
pub struct Started(u64);

impl Drop for Streaming {
    fn drop(&mut self) {
        // Nothing, if it was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Account {
    /// From what sigtrace wrote to standard error.
    pub fn told(stderr: &str) -> Self {
        let told = || {
            let line = stderr.lines().find_map(|line| {
                line.strip_prefix("sigtrace: ").filter(|rest| rest.contains("filtered out"))
            })?;
            let mut parts = line.split(", ");
            let mut count = |after: &str| parts.next()?.strip_suffix(after)?.parse::<u64>().ok();
            let (printed, filtered) = (count(" events")?, count(" calls filtered out")?);
            let lost = count(" lost")?;
            let causes: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once(' ')).collect();
            let cause = |name| {
                let found = causes.iter().find(|(cause, _)| *cause == name);
                found.map_or(Some(0), |(_, number)| number.parse().ok())
            };
            let (output, ring_full) = (cause("output")?, cause("ring_full")?);
            Some(Self { printed, filtered, lost, output, ring_full })
        };
        told().unwrap_or_else(|| panic!("no accounting in {stderr:?}"))
    }
}
