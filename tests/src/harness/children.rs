//! Processes the tests start, none of which outlives its test.

use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::panic::resume_unwind;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// All of them, those included that have been waited for.
static STARTED: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// A process with its standard output and error being read.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    stdout: Option<Reader>,
    stderr: Option<Reader>,
}

/// What became of a process.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Starts a process; it is killed if its test hangs.
pub fn spawn(command: &mut Command) -> Child {
    let name = command.get_program().to_string_lossy().into_owned();
    // Under the lock, so that nobody kills all children while there is one it does not know.
    let mut running = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
    running.push(child.id());
    child
}

/// Kills what a hung test left behind.
pub(super) fn kill_all() {
    for pid in STARTED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        if is_child(pid) {
            // SAFETY: kill touches no memory.
            unsafe { libc::kill(pid.cast_signed(), libc::SIGKILL) };
        }
    }
}

/// Whether the number is that of a child of ours that has not been waited for.
fn is_child(pid: u32) -> bool {
    let mut info = MaybeUninit::uninit();
    let only_look = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: a siginfo_t to write to.
    unsafe { libc::waitid(libc::P_PID, pid, info.as_mut_ptr(), only_look) == 0 }
}

impl Running {
    /// Starts a process and reads what it writes.
    ///
    /// Its standard input is empty, and ends once we are through with this: posix_spawn(3) and pthread_create(3) have
    /// the signals of our thread blocked for a while, that one included which the end of the process sends.
    pub(super) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command);
        let stdout = child.stdout.take().map(read);
        let stderr = child.stderr.take().map(read);
        drop(child.stdin.take());
        Self { child, stdout, stderr }
    }

    /// Waits for its end; kills it if that does not come in time, and says so on its behalf.
    pub(super) fn end_within(mut self, limit: Duration) -> Ended {
        let start = Instant::now();
        let mut killed = false;
        while matches!(self.child.try_wait(), Ok(None)) {
            if start.elapsed() > limit && !killed {
                let _ = self.child.kill();
                killed = true;
            }
            thread::sleep(Duration::from_millis(2));
        }
        let mut ended = self.end();
        if killed {
            ended.stderr.push_str(&format!("killed, as it was not done after {limit:?}\n"));
        }
        ended
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> Ended {
        let status = self.child.wait().unwrap_or_else(|error| panic!("waiting: {error}"));
        Ended { status, stdout: text(self.stdout.take()), stderr: text(self.stderr.take()) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing, if it was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A thread that reads what a process writes.
pub(super) type Reader = JoinHandle<io::Result<String>>;

/// Starts to read to the end.
pub(super) fn read(from: impl Read + Send + 'static) -> Reader {
    thread::spawn(move || io::read_to_string(from))
}

/// What was read; of what was not to be, nothing.
pub(super) fn text(reader: Option<Reader>) -> String {
    let Some(reader) = reader else { return String::new() };
    let text = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
    text.unwrap_or_else(|error| panic!("what a process wrote cannot be read: {error}"))
}
