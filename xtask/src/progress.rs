//! One line per long step on stderr, with the time it has taken so far.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a step that is still running says so: in place on a terminal, by a new line elsewhere.
const TERMINAL_TICK: Duration = Duration::from_secs(1);
const LOG_TICK: Duration = Duration::from_secs(20);

/// A step under way. Dropping it without [`Step::done`] leaves its line as the last word before
/// the error.
pub(crate) struct Step {
    what: String,
    start: Instant,
    announced: Arc<AtomicBool>,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Step {
    /// Announces `what` and keeps its elapsed time up to date.
    pub(crate) fn start(what: impl Into<String>) -> Self {
        Self::start_after(what, Duration::ZERO)
    }

    /// The same for a step that is usually over at once: nothing is said if it is over by
    /// `patience`.
    pub(crate) fn start_after(what: impl Into<String>, patience: Duration) -> Self {
        let (what, start) = (what.into(), Instant::now());
        let announced = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = mpsc::channel();
        let (label, flag) = (what.clone(), Arc::clone(&announced));
        let ticker = std::thread::spawn(move || {
            if stopped.recv_timeout(patience) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            flag.store(true, Ordering::Relaxed);
            let terminal = std::io::stderr().is_terminal();
            eprint_now(&format!("{label} ...{}", if terminal { "" } else { "\n" }));
            let tick = if terminal { TERMINAL_TICK } else { LOG_TICK };
            while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                let seconds = start.elapsed().as_secs();
                if terminal {
                    eprint_now(&format!("\r\x1b[K{label} ... {seconds} s"));
                } else {
                    eprint_now(&format!("{label} ... still at it, {seconds} s\n"));
                }
            }
            if terminal {
                eprint_now("\r\x1b[K");
            }
        });
        Self { what, start, announced, ticker: Some((stop, ticker)) }
    }

    /// Ends the step with its result and the time it took.
    pub(crate) fn done(mut self, result: &str) {
        self.stop();
        let took = self.start.elapsed().as_secs_f32();
        if !self.announced.load(Ordering::Relaxed) {
            return;
        }
        eprint_now(&format!("{}: {result} ({took:.1} s)\n", self.what));
    }

    fn stop(&mut self) {
        if let Some((stop, ticker)) = self.ticker.take() {
            drop(stop);
            // The ticker only prints; should it have panicked there is nothing to clean up.
            let _ = ticker.join();
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if self.ticker.is_some() {
            self.stop();
            eprint_now(&format!("{}: failed\n", self.what));
        }
    }
}

/// Progress is a courtesy: a closed stderr must not end the work.
fn eprint_now(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}
