//! The output of a test program in a guest, while it comes.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::count::{self, Tally};

/// How often to say how far the tests are.
const PROGRESS: Duration = Duration::from_secs(20);

/// The test program's standard output so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    /// Where a guest called `label` is to write its output, copied to `log`.
    pub(super) fn sink(&self, label: &str, log: File) -> impl Write + Send + 'static {
        Sink { label: label.into(), output: self.clone(), log, reported: Instant::now() }
    }

    /// All of it so far.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

/// Keeps the output, logs it, and says now and then how far the tests are.
struct Sink {
    label: String,
    output: Output,
    log: File,
    reported: Instant,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.log.write_all(bytes)?;
        lock(&self.output.0).extend_from_slice(bytes);
        if self.reported.elapsed() > PROGRESS {
            self.reported = Instant::now();
            let Tally { passed, failed } = count::so_far(&self.output.text());
            eprintln!("{} ... {passed} passed, {failed} failed so far", self.label);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Locks; what a thread that panicked leaves behind is still the truth as far as it goes.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
