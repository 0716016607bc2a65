//! Processes the tests start, none of which outlives its test.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// A process with its standard output and error being read.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    stdout: Option<JoinHandle<io::Result<Vec<u8>>>>,
    stderr: Option<JoinHandle<io::Result<Vec<u8>>>>,
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
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
    running.push(child.id());
    child
}

/// Kills what a hung test left behind.
pub(super) fn kill_all() {
    for pid in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // SAFETY: kill touches no memory. A process is taken off the list as soon as it has been
        // waited for, so the number is still that of our child.
        unsafe { libc::kill(pid.cast_signed(), libc::SIGKILL) };
    }
}

fn forget(pid: u32) {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|running| *running != pid);
}

impl Running {
    /// Starts a process and reads what it writes.
    pub(super) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command);
        let stdout = child.stdout.take().map(read);
        let stderr = child.stderr.take().map(read);
        Self { child, stdout, stderr }
    }

    /// Waits for its end; kills it if that does not come in time.
    pub(super) fn end_within(mut self, limit: Duration) -> Ended {
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if start.elapsed() > limit {
                let _ = self.child.kill();
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.end()
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> Ended {
        let status = self.child.wait().unwrap_or_else(|error| panic!("waiting: {error}"));
        forget(self.child.id());
        let text = |reader: Option<JoinHandle<io::Result<Vec<u8>>>>| {
            let bytes = reader.and_then(|reader| reader.join().ok()).and_then(Result::ok);
            String::from_utf8(bytes.unwrap_or_default())
                .unwrap_or_else(|error| panic!("it wrote what is no UTF-8: {error}"))
        };
        Ended { status, stdout: text(self.stdout.take()), stderr: text(self.stderr.take()) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing, if it was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        forget(self.child.id());
    }
}

fn read(mut from: impl Read + Send + 'static) -> JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map(|_| bytes)
    })
}
