//! Watching one guest from boot to its result.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::console::{self, Line};
use super::ports::{self, Event};
use super::qemu::Qemu;
use super::{OnInterrupt, Streams, Vm};
use crate::interrupt;

/// The byte that has guest-init send SIGINT to the job: what Ctrl-C types.
const STOP: &[u8] = b"\x03";
/// Time from power on to the start of the job; systemd under emulation takes 20 s when alone.
const BOOT: Duration = Duration::from_secs(180);
/// Time from the result, or from being asked to stop, to the end of QEMU.
const GRACE: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_millis(100);
/// How much of the console an error shows.
const SHOWN_LINES: usize = 40;

/// What QEMU's emulation does to a guest now and then, whatever the guest is to run.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Mishap {
    /// Its kernel panicked.
    #[error("the guest's kernel panicked")]
    Panicked,
    /// It did so before the job began.
    #[error("the guest's kernel panicked while it booted")]
    PanickedInBoot,
    /// It never came to its job.
    #[error("the guest did not boot within {BOOT:?}")]
    NotBooted,
}

/// Runs the guest; the job's exit code.
pub(super) fn run(vm: &Vm, initrd: File, streams: Streams<'_>) -> Result<i32> {
    let mut qemu = Qemu::start(vm, initrd)?;
    let (sender, events) = mpsc::channel();
    let (console, job) = (qemu.console.try_clone()?, qemu.job.try_clone()?);
    let to_console = sender.clone();
    thread::spawn(move || ports::read_console(console, &to_console));
    thread::spawn(move || ports::deliver(job, streams.stdout, &sender));

    let mut session = Session::new(vm);
    let outcome = session.watch(
        &mut qemu,
        &events,
        &mut Sinks {
            stderr: streams.stderr,
            console: streams.console,
            reader_gone: streams.reader_gone,
        },
    );
    let complaint = qemu.end();
    if let Err(error) = outcome {
        return Err(error.context(session.last_words(&complaint)));
    }
    session.await_delivery(&events)?;
    session.exit.context("the guest ended without a result")
}

/// Where lines from the console go.
struct Sinks<'a> {
    stderr: &'a mut dyn Write,
    console: &'a mut dyn Write,
    reader_gone: fn() -> bool,
}

/// What is known of the guest so far.
struct Session<'a> {
    vm: &'a Vm,
    began: Instant,
    /// When the job started.
    started: Option<Instant>,
    last_sign: Instant,
    /// When it must have ended, once it was asked to or said it would.
    deadline: Option<Instant>,
    interrupts: usize,
    stop_sent: bool,
    exit: Option<i32>,
    delivered: bool,
    tail: VecDeque<String>,
}

impl<'a> Session<'a> {
    fn new(vm: &'a Vm) -> Self {
        let now = Instant::now();
        Self {
            vm,
            began: now,
            started: None,
            last_sign: now,
            deadline: None,
            interrupts: 0,
            stop_sent: false,
            exit: None,
            delivered: false,
            tail: VecDeque::new(),
        }
    }

    /// Follows the guest until QEMU has ended and said everything.
    fn watch(
        &mut self,
        qemu: &mut Qemu,
        events: &Receiver<Event>,
        sinks: &mut Sinks<'_>,
    ) -> Result<()> {
        loop {
            match events.recv_timeout(TICK) {
                Ok(Event::Console(line)) => self.line(&line, sinks)?,
                Ok(Event::Output) => self.last_sign = Instant::now(),
                Ok(Event::OutputClosed) => self.stop(&mut qemu.job),
                Ok(Event::OutputEnded(result)) => self.output_ended(result)?,
                Ok(Event::ConsoleEnded) | Err(RecvTimeoutError::Disconnected) => {
                    ensure!(self.exit.is_some(), "the guest ended without a result");
                    return Ok(());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.attend_interrupts(&mut qemu.job)?;
            if (sinks.reader_gone)() {
                if self.started.is_none() {
                    (self.exit, self.delivered) = (Some(0), true);
                    return Ok(());
                }
                self.stop(&mut qemu.job);
            }
            self.check_time(qemu)?;
        }
    }

    fn line(&mut self, text: &str, sinks: &mut Sinks<'_>) -> Result<()> {
        self.last_sign = Instant::now();
        // Our own reader of these may be gone; the guest's result is what counts.
        let _ = match console::parse(text) {
            Line::Stderr(text) => writeln!(sinks.stderr, "{text}"),
            _ => writeln!(sinks.console, "{text}"),
        };
        if self.tail.len() == SHOWN_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(text.into());
        match console::parse(text) {
            Line::Start => self.started = Some(Instant::now()),
            Line::Exit(code) => {
                ensure!(self.exit.is_none(), "the guest printed a second result line");
                self.exit = Some(code);
                self.deadline = Some(Instant::now() + GRACE);
            }
            Line::Panic if self.started.is_none() => bail!(Mishap::PanickedInBoot),
            Line::Panic => bail!(Mishap::Panicked),
            Line::Stderr(_) | Line::Other => {}
        }
        Ok(())
    }

    fn attend_interrupts(&mut self, job: &mut UnixStream) -> Result<()> {
        let count = interrupt::count();
        if count > self.interrupts {
            self.interrupts = count;
            let again = self.stop_sent || self.started.is_none();
            ensure!(self.vm.on_interrupt == OnInterrupt::StopJob && !again, "interrupted");
            self.stop(job);
        }
        Ok(())
    }

    /// Asks the job to stop, once.
    fn stop(&mut self, job: &mut UnixStream) {
        if !self.stop_sent {
            self.stop_sent = true;
            self.deadline.get_or_insert(Instant::now() + GRACE);
            // If the guest is already gone there is nobody left to ask.
            let _ = job.write_all(STOP);
        }
    }

    fn check_time(&mut self, qemu: &mut Qemu) -> Result<()> {
        if self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            ensure!(self.exit.is_some(), "the job did not stop within {GRACE:?} of being asked");
            // It has its result and only failed to switch itself off.
            qemu.end();
            return Ok(());
        }
        let Some(started) = self.started else {
            ensure!(self.began.elapsed() < BOOT, Mishap::NotBooted);
            return Ok(());
        };
        let silent = self.last_sign.elapsed();
        if let Some(limit) = self.vm.silence {
            ensure!(silent < limit, "the guest has said nothing for {silent:.0?}");
        }
        if let Some(limit) = self.vm.timeout {
            ensure!(started.elapsed() < limit, "the job took longer than {limit:?}");
        }
        Ok(())
    }

    fn output_ended(&mut self, result: std::io::Result<()>) -> Result<()> {
        self.delivered = true;
        result.context("passing on the job's output")
    }

    /// A slow reader gets everything, however long it takes; one that the user gave up on does not.
    fn await_delivery(&mut self, events: &Receiver<Event>) -> Result<()> {
        while !self.delivered && interrupt::count() == 0 {
            match events.recv_timeout(TICK) {
                Ok(Event::OutputEnded(result)) => self.output_ended(result)?,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(())
    }

    fn last_words(&self, complaint: &str) -> String {
        let console: Vec<&str> = self.tail.iter().map(String::as_str).collect();
        format!(
            "the end of the console:\n{}\n{complaint}\nguest with kernel {} after {:.0?}",
            console.join("\n"),
            self.vm.kernel.release,
            self.began.elapsed(),
        )
    }
}
