//! sigtrace as a process.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::check;
use super::children::{Ended, Running};
use super::notify::{Notify, temporary};
use super::told::Told;
use super::trace::{Stream, Trace};
use super::wait;

/// The program under test: `$SIGTRACE`, or the one beside us.
pub(super) fn program() -> PathBuf {
    env::var_os("SIGTRACE").map_or_else(|| "/payload/sigtrace".into(), PathBuf::from)
}

/// Runs sigtrace with these arguments to its end, whatever that is: for refusals, listings and
/// everything else that is no stream.
pub fn sigtrace(args: &[&str]) -> Ended {
    Running::start(Command::new(program()).args(args)).end()
}

/// A running sigtrace whose probes are attached. It writes JSON to a file of its own.
#[derive(Debug)]
pub struct Tracer {
    process: Running,
    /// It also says when it stops.
    _notify: Notify,
    output: PathBuf,
    started_ns: u64,
}

impl Tracer {
    /// Starts sigtrace with these arguments (no `-o`, no `-- CMD`; a command comes first) and waits until it is ready. It does
    /// not try its probes, by calls that another one beside it would see.
    pub fn start(args: &[&str]) -> Self {
        Self::start_checking(&[args, &["--no-check"]].concat())
    }

    /// Likewise, but it tries its probes, as it does unless told not to.
    pub fn start_checking(args: &[&str]) -> Self {
        Self::start_command(Command::new(program()).args(args))
    }

    /// Starts a command that is sigtrace, likewise.
    pub fn start_command(command: &mut Command) -> Self {
        let notify = Notify::new();
        let output = temporary("trace");
        command.arg("-o").arg(&output).env("NOTIFY_SOCKET", &notify.path);
        let started_ns = check::now_ns();
        let mut process = Running::start(command);
        let ended = wait::until("sigtrace to be ready", || {
            let ended = process.child.try_wait().ok().flatten().map(Some);
            ended.or_else(|| notify.is_ready().map(|()| None))
        });
        if ended.is_some() {
            panic!("{command:?} ended: {:#?}", process.end());
        }
        Self { process, _notify: notify, output, started_ns }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Waits until it has written a line that contains `text`.
    pub fn wait_for_line(&self, text: &str) {
        wait::until(&format!("a line with {text}"), || {
            let written = fs::read_to_string(&self.output).unwrap_or_default();
            written.lines().any(|line| line.contains(text)).then_some(())
        });
    }

    /// What it tells from its beginning on, while it goes on.
    pub fn told(&self) -> Told {
        Told::new(&self.output)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: kill touches no memory; the process has not been waited for.
        unsafe { libc::kill(self.pid().cast_signed(), signal) };
    }

    /// Stops it with SIGSTOP, and waits until it stands still.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
        wait::until("sigtrace to stop", || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
            let (_, rest) = stat.rsplit_once(") ")?;
            rest.starts_with('T').then_some(())
        });
    }

    /// Stops it with SIGINT, which is no failure, and checks every line it wrote.
    #[track_caller]
    pub fn finish(self) -> Trace {
        self.signal(libc::SIGINT);
        let trace = self.end();
        assert_eq!(trace.status.code(), Some(0), "{}: {}", trace.status, trace.stderr);
        trace
    }

    /// Stops it with SIGINT, which is no failure. Its lines, of which nothing is checked but that
    /// they are JSON: for times that are not within the run, as its clock was set.
    #[track_caller]
    pub fn finish_unchecked(self) -> Vec<Value> {
        self.signal(libc::SIGINT);
        let ended = self.process.end();
        assert_eq!(ended.status.code(), Some(0), "{ended:#?}");
        let text = fs::read_to_string(&self.output).unwrap_or_default();
        let _ = fs::remove_file(&self.output);
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        text.lines().map(parse).collect()
    }

    /// Waits until it stops by itself (`-n`, `--duration`), or because of a signal already sent.
    pub fn end(self) -> Trace {
        let process = self.process.end();
        trace(process, &self.output, self.started_ns)
    }
}

/// Runs `sigtrace ARGS -- CMD` to its end. What CMD wrote is in the trace's `stdout`.
pub fn run(args: &[&str], cmd: &[&str]) -> Trace {
    let output = temporary("trace");
    let started_ns = check::now_ns();
    let mut command = Command::new(program());
    command.args(args).arg("-o").arg(&output).arg("--").args(cmd);
    let process = Running::start(&mut command).end();
    trace(process, &output, started_ns)
}

fn trace(process: Ended, output: &PathBuf, started_ns: u64) -> Trace {
    let text = fs::read_to_string(output)
        .unwrap_or_else(|error| panic!("no output: {error}\n{process:#?}"));
    let _ = fs::remove_file(output);
    let stream = Stream { text, started_ns, ended_ns: check::now_ns() };
    Trace::new(process, &stream)
}
