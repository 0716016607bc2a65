//! The agent's side: it asks, and waits only so long.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Read as _, Write as _},
    mem,
    os::{
        fd::{FromRawFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Command, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{Answer, MESSAGE, Question, READY};

/// So long the server may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(5);

/// So long an answer is waited for. The ring has room for what comes meanwhile. One that comes later is for the next
/// who asks.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

/// In each span of time, all answers together may take a part of it: more would make others' events late.
const SPAN: Duration = Duration::from_secs(60);
const PART: Duration = Duration::from_secs(3);

/// So many answers are kept, and as many before them.
const MAX_ANSWERS: usize = 4096;

/// So many questions are open at most: the others will not be answered.
const MAX_OPEN: usize = 64;

/// A place in a file: the file's device and inode, and how many bytes into it.
type Place = ((u64, u64), u64);

/// What is known of functions.
#[derive(Debug)]
pub(crate) struct Symbols {
    /// To the server; `None` once it is gone.
    socket: Option<UnixStream>,
    asked: u64,
    /// What is not answered yet, by the numbers of the questions.
    open: BTreeMap<u64, Place>,
    answers: HashMap<Place, Option<(Rc<str>, u64)>>,
    before: HashMap<Place, Option<(Rc<str>, u64)>>,
    /// When the span began, and how long was waited in it.
    span: (Instant, Duration),
}

impl Symbols {
    /// Starts the server, which is this program, with `arguments`.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let (ours, theirs) = pair().context("cannot create a socket")?;
        ours.set_write_timeout(Some(ANSWERS_WITHIN)).context("cannot set a time limit")?;
        Command::new("/proc/self/exe")
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start the process that reads symbols")?;
        let mut symbols = Self {
            socket: Some(ours),
            asked: 0,
            open: BTreeMap::new(),
            answers: HashMap::new(),
            before: HashMap::new(),
            span: (Instant::now(), Duration::ZERO),
        };
        // It makes calls as it begins, which are none of anybody's: tracing begins after.
        match symbols.receive(BEGINS_WITHIN) {
            Some(message) if message == READY => Ok(symbols),
            _ => bail!("the process that reads symbols did not start"),
        }
    }

    /// The function that this byte of a file is in, and how far into it that is.
    pub(crate) fn find(
        &mut self,
        identity: (u64, u64),
        path: &[u8],
        offset: u64,
    ) -> Option<(Rc<str>, u64)> {
        let place = (identity, offset);
        if let Some(known) = self.answers.get(&place).or_else(|| self.before.get(&place)) {
            return known.clone();
        }
        let now = Instant::now();
        if now.duration_since(self.span.0) >= SPAN {
            self.span = (now, Duration::ZERO);
        }
        if self.span.1 >= PART || path.len() >= MESSAGE / 2 {
            return None;
        }
        if !self.open.values().any(|open| *open == place) {
            self.ask(place, path)?;
        }
        self.listen(place, now + ANSWERS_WITHIN);
        self.span.1 += now.elapsed();
        self.answers.get(&place)?.clone()
    }

    /// Asks.
    fn ask(&mut self, place: Place, path: &[u8]) -> Option<()> {
        self.asked += 1;
        let (identity, offset) = place;
        let question = Question { number: self.asked, identity, offset, path };
        if self.socket.as_mut()?.write(&question.encode()).is_err() {
            self.give_up();
            return None;
        }
        while self.open.len() >= MAX_OPEN {
            self.open.pop_first();
        }
        self.open.insert(self.asked, place);
        Some(())
    }

    /// Takes answers until it is known what is at a place, or that takes too long.
    fn listen(&mut self, place: Place, until: Instant) {
        while !self.answers.contains_key(&place) {
            let left = until.saturating_duration_since(Instant::now());
            let Some(message) = self.receive(left) else { return };
            let Some(answer) = Answer::decode(&message) else { return };
            if let Some(answered) = self.open.remove(&answer.number) {
                if self.answers.len() >= MAX_ANSWERS {
                    self.before = mem::take(&mut self.answers);
                }
                let symbol = answer.symbol.map(|(name, into)| (Rc::from(name), into));
                self.answers.insert(answered, symbol);
            }
        }
    }

    /// The next message, if one comes in time.
    fn receive(&mut self, within: Duration) -> Option<Vec<u8>> {
        let socket = self.socket.as_mut()?;
        // Zero would be for ever.
        let within = within.max(Duration::from_micros(1));
        let mut message = vec![0; MESSAGE];
        let read = socket.set_read_timeout(Some(within)).and_then(|()| socket.read(&mut message));
        match read {
            Ok(length @ 1..) => {
                message.truncate(length);
                Some(message)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            _ => {
                self.give_up();
                None
            }
        }
    }

    fn give_up(&mut self) {
        if self.socket.take().is_some() {
            tracing::warn!("the process that reads symbols is gone: functions are no longer named");
        }
    }
}

/// Two ends of a connection that keeps messages apart.
fn pair() -> io::Result<(UnixStream, OwnedFd)> {
    let mut fds = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: an array of two to write to; then descriptors that are ours alone.
    unsafe {
        if libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let [ours, theirs] = fds.map(|fd| OwnedFd::from_raw_fd(fd));
        Ok((UnixStream::from(ours), theirs))
    }
}
