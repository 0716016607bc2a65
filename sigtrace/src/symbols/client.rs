//! The agent's side: it asks, and waits only so long.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Read as _, Write as _},
    mem,
    os::unix::process::CommandExt as _,
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

/// In each span of time, all answers together may take a part of it, and those about the processes of one user another
/// one: more would make others' events late.
const SPAN: Duration = Duration::from_secs(60);
const PART: Duration = Duration::from_secs(3);
const PART_OF_USER: Duration = Duration::from_secs(1);

/// What a file is made of can change: an answer is right for so long.
const LIFE: Duration = Duration::from_secs(10);

/// So many answers are kept, and as many before them.
const MAX_ANSWERS: usize = 4096;

/// So many questions are open at most: the others will not be answered.
const MAX_OPEN: usize = 64;

/// A place in a file: the file's device and inode, and how many bytes into it.
type Place = ((u64, u64), u64);

/// A function, and how far into it the place is.
type Function = (Rc<str>, u64);

/// What is known of functions.
#[derive(Debug)]
pub(crate) struct Symbols {
    /// To the server; `None` once it is gone.
    socket: Option<UnixStream>,
    asked: u64,
    /// What is not answered yet, by the numbers of the questions.
    open: BTreeMap<u64, Place>,
    /// What was answered, and when; nothing if there is no such function, or the answer did not come in time.
    answers: HashMap<Place, (Option<Function>, Instant)>,
    before: HashMap<Place, (Option<Function>, Instant)>,
    waited: Waited,
}

/// How long was waited in this span of time.
#[derive(Debug)]
struct Waited {
    since: Instant,
    all: Duration,
    users: HashMap<u32, Duration>,
}

impl Waited {
    fn new(since: Instant) -> Self {
        Self { since, all: Duration::ZERO, users: HashMap::new() }
    }

    /// Whether there may be more of it, on account of this user's processes.
    fn allows_more(&mut self, uid: u32, now: Instant) -> bool {
        if now.duration_since(self.since) >= SPAN {
            *self = Self::new(now);
        }
        let by_user = self.users.get(&uid).copied().unwrap_or_default();
        self.all < PART && by_user < PART_OF_USER
    }

    fn add(&mut self, uid: u32, waited: Duration) {
        self.all += waited;
        *self.users.entry(uid).or_default() += waited;
    }
}

impl Symbols {
    /// Starts the server, which is this program, with `arguments`.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let (ours, theirs) = pair().context("cannot create a socket")?;
        ours.set_write_timeout(Some(ANSWERS_WITHIN)).context("cannot set a time limit")?;
        Command::new("/proc/self/exe")
            .arg0("sigtrace-syms")
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the process that reads symbols")?;
        let mut symbols = Self::over(ours);
        // It makes calls as it begins, which are none of anybody's: tracing begins after.
        match symbols.receive(Instant::now() + BEGINS_WITHIN) {
            Received::Message(message) if message == READY => Ok(symbols),
            _ => bail!("the process that reads symbols cannot give up its rights"),
        }
    }

    /// With the server at the other end.
    fn over(socket: UnixStream) -> Self {
        Self {
            socket: Some(socket),
            asked: 0,
            open: BTreeMap::new(),
            answers: HashMap::new(),
            before: HashMap::new(),
            waited: Waited::new(Instant::now()),
        }
    }

    /// The function that this byte of a file is in, and how far into it that is. On account of this user's processes.
    pub(crate) fn find(
        &mut self,
        uid: u32,
        identity: (u64, u64),
        path: &[u8],
        offset: u64,
    ) -> Option<Function> {
        let (place, now) = ((identity, offset), Instant::now());
        if !self.open.is_empty() {
            // What came late.
            self.listen(place, now);
        }
        if let Some(known) = self.known(place, now) {
            return known.clone();
        }
        if path.len() >= MESSAGE / 2 || !self.waited.allows_more(uid, now) {
            return None;
        }
        if !self.open.values().any(|open| *open == place) {
            self.ask(place, path)?;
        }
        self.listen(place, now + ANSWERS_WITHIN);
        let after = Instant::now();
        self.waited.add(uid, after.duration_since(now));
        if self.known(place, after).is_none() {
            // Who waited once does not wait again for it.
            self.put(place, None);
        }
        self.known(place, after)?.clone()
    }

    /// What is known of a place, if anything is.
    fn known(&self, place: Place, now: Instant) -> Option<&Option<Function>> {
        let (function, since) = self.answers.get(&place).or_else(|| self.before.get(&place))?;
        (now.saturating_duration_since(*since) < LIFE).then_some(function)
    }

    fn put(&mut self, place: Place, function: Option<Function>) {
        if self.answers.len() >= MAX_ANSWERS {
            self.before = mem::take(&mut self.answers);
        }
        self.answers.insert(place, (function, Instant::now()));
    }

    /// Asks.
    fn ask(&mut self, place: Place, path: &[u8]) -> Option<()> {
        self.asked += 1;
        let (identity, offset) = place;
        let question = Question { number: self.asked, identity, offset, path };
        let socket = self.socket.as_mut()?;
        let sent = socket.set_nonblocking(false).and_then(|()| socket.write(&question.encode()));
        if sent.is_err() {
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
        // More than there are questions are nobody's.
        for _ in 0..=MAX_OPEN {
            match self.receive(until) {
                Received::Message(message) => {
                    let Some(answer) = Answer::decode(&message) else { continue };
                    let Some(answered) = self.open.remove(&answer.number) else { continue };
                    let symbol = answer.symbol.map(|(name, into)| (Rc::from(name), into));
                    self.put(answered, symbol);
                    if answered == place {
                        return;
                    }
                }
                Received::Nothing => return,
                Received::End => return self.give_up(),
            }
        }
    }

    /// The next message, if one comes by then.
    fn receive(&mut self, until: Instant) -> Received {
        let Some(socket) = self.socket.as_mut() else { return Received::Nothing };
        let mut message = vec![0; MESSAGE];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            // A time limit of zero would be for ever.
            let is_set = match left {
                Duration::ZERO => socket.set_nonblocking(true),
                left => {
                    socket.set_nonblocking(false).and_then(|()| socket.set_read_timeout(Some(left)))
                }
            };
            if is_set.is_err() {
                return Received::Nothing;
            }
            match socket.read(&mut message) {
                Ok(length @ 1..) => {
                    message.truncate(length);
                    return Received::Message(message);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Received::Nothing;
                }
                _ => return Received::End,
            }
        }
    }

    fn give_up(&mut self) {
        if self.socket.take().is_some() {
            tracing::warn!("the process that reads symbols is gone: functions are no longer named");
        }
    }
}

/// What came from the server.
enum Received {
    Message(Vec<u8>),
    /// Nothing in time.
    Nothing,
    /// It is gone.
    End,
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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const PLACE: Place = ((1, 2), 3);

    /// With a server that does this with each question.
    fn with(mut server: impl FnMut(&OwnedFd, Question<'_>) + Send + 'static) -> Symbols {
        let (ours, theirs) = pair().unwrap();
        thread::spawn(move || {
            let mut socket = UnixStream::from(theirs.try_clone().unwrap());
            let mut message = [0; MESSAGE];
            while let Ok(length @ 1..) = socket.read(&mut message) {
                server(&theirs, Question::decode(&message[..length]).unwrap());
            }
        });
        Symbols::over(ours)
    }

    fn say(socket: &OwnedFd, number: u64, name: &str) {
        let answer = Answer { number, symbol: Some((name.to_owned(), 4)) };
        let mut socket = UnixStream::from(socket.try_clone().unwrap());
        socket.write_all(&answer.encode()).unwrap();
    }

    fn find(symbols: &mut Symbols, uid: u32, offset: u64) -> Option<(String, u64)> {
        let found = symbols.find(uid, PLACE.0, b"/bin/x", offset)?;
        Some((found.0.to_string(), found.1))
    }

    #[test]
    fn a_question_is_asked_once() {
        let mut asked = 0;
        let mut symbols = with(move |socket, question| {
            asked += 1;
            say(socket, question.number, &format!("main{asked}"));
        });
        for _ in 0..3 {
            assert_eq!(find(&mut symbols, 0, 3), Some(("main1".to_owned(), 4)));
        }
        assert_eq!(find(&mut symbols, 0, 4), Some(("main2".to_owned(), 4)));
    }

    #[test]
    fn answers_that_nobody_asked_for_do_not_keep_anybody_waiting() {
        let mut symbols = with(|socket, question| {
            for number in 0..100 {
                say(socket, question.number + 1000 + number, "wrong");
            }
        });
        let begun = Instant::now();
        assert_eq!(find(&mut symbols, 0, 3), None);
        assert!(begun.elapsed() < 2 * ANSWERS_WITHIN);
        // Who waited once does not wait again.
        let begun = Instant::now();
        assert_eq!(find(&mut symbols, 0, 3), None);
        assert!(begun.elapsed() < ANSWERS_WITHIN / 2);
    }

    #[test]
    fn a_user_who_makes_others_wait_is_not_waited_for_any_more_and_others_are() {
        let mut symbols = with(|socket, question| {
            if question.offset >= 100 {
                say(socket, question.number, "main");
            }
        });
        for offset in 0..2 {
            assert_eq!(find(&mut symbols, 1000, offset), None);
        }
        let begun = Instant::now();
        assert_eq!(find(&mut symbols, 1000, 2), None);
        assert_eq!(find(&mut symbols, 1000, 100), None);
        assert!(begun.elapsed() < ANSWERS_WITHIN / 2);
        assert_eq!(find(&mut symbols, 1001, 100), Some(("main".to_owned(), 4)));
    }

    #[test]
    fn an_answer_that_comes_late_is_for_the_next_who_asks() {
        let mut symbols = with(|socket, question| {
            if question.offset == 3 {
                thread::sleep(ANSWERS_WITHIN + Duration::from_millis(200));
            }
            say(socket, question.number, "main");
        });
        assert_eq!(find(&mut symbols, 0, 3), None);
        thread::sleep(Duration::from_millis(400));
        assert_eq!(find(&mut symbols, 0, 3), Some(("main".to_owned(), 4)));
    }

    #[test]
    fn without_a_server_nothing_is_known_and_nobody_waits() {
        let mut symbols = with(|socket, _| {
            // SAFETY: a descriptor.
            unsafe { libc::shutdown(std::os::fd::AsRawFd::as_raw_fd(socket), libc::SHUT_RDWR) };
        });
        let begun = Instant::now();
        assert_eq!(find(&mut symbols, 0, 3), None);
        assert_eq!(find(&mut symbols, 0, 4), None);
        assert!(begun.elapsed() < ANSWERS_WITHIN);
    }
}
