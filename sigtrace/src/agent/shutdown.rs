//! What ends the tracing: a signal, the time, the end of the command.

use std::{
    env, io,
    mem::MaybeUninit,
    ptr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep_until, timeout},
};

use super::{
    child::Child,
    ended::{Ended, KILLED},
};

/// How long a command that was told to end can delay the end.
const COMMAND_PATIENCE: Duration = Duration::from_secs(2);
/// How long after the signal a reader who does not read can delay the end …
const PATIENCE: Duration = Duration::from_secs(3);
/// … unless there were not even these left to read in, after all was detached.
const LEAST_PATIENCE: Duration = Duration::from_millis(500);
/// How long a slow reader can take nothing …
const STEP: Duration = Duration::from_secs(1);
/// … and how long after the signal it can delay the end at most.
const MOST_PATIENCE: Duration = Duration::from_secs(30);

/// The signals that end the tracing, and its time.
#[derive(Debug)]
pub(crate) struct Shutdown {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hangup: Option<Signal>,
    child: Signal,
    duration: Option<Duration>,
    /// When a signal ended it, if one did.
    signalled: Option<Instant>,
}

/// How the tracing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With the command, which ended so.
    Command(Ended),
    /// With this signal to us; the command runs on, or never began.
    Signal(libc::c_int),
    /// By our own doing; a command runs on.
    Here,
}

impl End {
    /// With a signal, before the tracing began; and before the command did, if there is one.
    pub(crate) fn before_it_began(signal: libc::c_int, command: bool) -> Self {
        if command { Self::Signal(signal) } else { Self::Here }
    }

    /// The exit status.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Command(ended) => ended.status(),
            Self::Signal(signal) => KILLED + signal as u8,
            Self::Here => 0,
        }
    }
}

impl Shutdown {
    pub(crate) fn new(duration: Option<Duration>) -> Result<Self> {
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen_for_hangup()?,
            child: signal(SignalKind::child()).context("cannot listen for SIGCHLD")?,
            duration,
            signalled: None,
        })
    }

    /// Waits for a signal that ends the tracing, and says which it is.
    pub(crate) async fn signalled(&mut self) -> libc::c_int {
        let signal = tokio::select! {
            _ = next(&mut self.interrupt) => libc::SIGINT,
            _ = next(&mut self.hangup) => libc::SIGHUP,
            _ = next(&mut self.terminate) => libc::SIGTERM,
        };
        self.signalled = Some(Instant::now());
        signal
    }

    /// Lets a command go, and waits until it is executed, unless a signal ends it before that.
    pub(crate) async fn release(&mut self, command: &Child) -> Result<Option<End>> {
        tokio::select! {
            biased;
            released = command.release() => released.map(|()| None),
            signal = self.signalled() => self.end_command(command, signal).await.map(Some),
        }
    }

    /// Waits for the end.
    pub(crate) async fn wait(&mut self, command: Option<&Child>) -> Result<End> {
        let deadline = self.duration.map(|duration| Instant::now() + duration);
        let signal = loop {
            if let Some(ended) = command.map(Child::try_wait).transpose()?.flatten() {
                return Ok(End::Command(ended));
            }
            tokio::select! {
                _ = next(&mut self.interrupt) => break libc::SIGINT,
                _ = next(&mut self.hangup) => break libc::SIGHUP,
                _ = next(&mut self.terminate) => break libc::SIGTERM,
                _ = self.child.recv() => {}
                () = at(deadline) => return Ok(End::Here),
            }
        };
        self.signalled = Some(Instant::now());
        match command {
            Some(command) => self.end_command(command, signal).await,
            None => Ok(End::Here),
        }
    }

    /// A signal ends the tracing of a command. It gets SIGTERM passed on, and a while to end by it; SIGINT
    /// it gets from the terminal, as we do.
    async fn end_command(&mut self, command: &Child, signal: libc::c_int) -> Result<End> {
        if signal == libc::SIGTERM {
            command.signal(signal);
        }
        match timeout(COMMAND_PATIENCE, self.command_end(command)).await {
            Ok(end) => end,
            Err(_) => Ok(End::Signal(signal)),
        }
    }

    /// Waits for the end of the command, or for a signal.
    pub(crate) async fn command_end(&mut self, command: &Child) -> Result<End> {
        loop {
            if let Some(ended) = command.try_wait()? {
                return Ok(End::Command(ended));
            }
            tokio::select! {
                _ = next(&mut self.interrupt) => return Ok(End::Signal(libc::SIGINT)),
                _ = next(&mut self.hangup) => return Ok(End::Signal(libc::SIGHUP)),
                _ = next(&mut self.terminate) => return Ok(End::Signal(libc::SIGTERM)),
                _ = self.child.recv() => {}
            }
        }
    }

    /// Waits until what is left to do must not be waited for any longer: a while after a signal,
    /// be it the one that ended the tracing or one that came since. A reader who is slow, but reads, gets
    /// more time: `progress` grows then.
    pub(crate) async fn run_out_of_patience(&mut self, progress: &AtomicU64) {
        let least = Instant::now() + LEAST_PATIENCE;
        let signalled = if let Some(signalled) = self.signalled {
            signalled
        } else {
            tokio::select! {
                _ = next(&mut self.interrupt) => {}
                _ = next(&mut self.hangup) => {}
                _ = next(&mut self.terminate) => {}
            }
            Instant::now()
        };
        let mut due = least.max(signalled + PATIENCE);
        let most = signalled + most_patience();
        loop {
            let before = progress.load(Ordering::Relaxed);
            sleep_until(due).await;
            if progress.load(Ordering::Relaxed) == before || due >= most {
                return;
            }
            due += STEP;
        }
    }
}

/// For a service none is left: systemd, which gives each run an id (`systemd.exec(5)`), kills who takes
/// longer than its unit allows.
fn most_patience() -> Duration {
    if env::var_os("INVOCATION_ID").is_some() { PATIENCE } else { MOST_PATIENCE }
}

fn listen(kind: SignalKind) -> Result<Option<Signal>> {
    signal(kind).map(Some).context("cannot listen for signals")
}

/// The hang-up, unless whoever started us has it ignored, as nohup does. SIGINT is another matter:
/// scripts start what runs in the background with it ignored, and yet end it so.
fn listen_for_hangup() -> Result<Option<Signal>> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: an action to write to.
    let action = unsafe {
        if libc::sigaction(libc::SIGHUP, ptr::null(), action.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error())
                .context("cannot query the disposition of a signal");
        }
        action.assume_init()
    };
    if action.sa_sigaction == libc::SIG_IGN { Ok(None) } else { listen(SignalKind::hangup()) }
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Waits for a moment, for ever if there is none.
pub(crate) async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
