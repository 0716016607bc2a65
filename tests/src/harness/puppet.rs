//! Processes and threads that make calls when told to, one at a time.
//!
//! ```no_run
//! use sigtrace_tests::harness::Puppet;
//!
//! let mut puppet = Puppet::start();
//! let mut child = puppet.fork();
//! let event = child.call("kill 1 0"); // what sigtrace has to show
//! ```

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};

use super::children::Running;
use super::notify::temporary;
use super::wait::until;
use super::workload::NARROW;
use crate::expect::Expected;

/// A process or thread at our command. It ends when dropped.
#[derive(Debug)]
pub struct Puppet {
    connection: BufReader<UnixStream>,
    pid: i32,
    tid: i32,
    ppid: Option<i32>,
    done: Option<Expected>,
    /// After the connection, so that it is closed first.
    _process: Option<Running>,
}

/// How a puppet greets.
#[derive(Deserialize)]
struct Greeting {
    tid: i32,
    done: Option<Expected>,
}

impl Puppet {
    /// A process of its own.
    pub fn start() -> Self {
        Self::start_program("/payload/workload", &[])
    }

    /// A process of its own that is a 32-bit program.
    pub fn start_32() -> Self {
        Self::start_program("/payload/workload32", &[])
    }

    /// A process of its own that makes its calls through the interface of 32-bit programs.
    pub fn start_narrow() -> Self {
        let (program, interface) = NARROW;
        Self::start_program(program, interface)
    }

    fn start_program(program: &str, interface: &[&str]) -> Self {
        let path = temporary("puppet");
        let path = path.to_string_lossy();
        let mut command = Command::new(program);
        let process = Running::start(command.args(interface).args(["puppet", &path]));
        Self { _process: Some(process), ..Self::connect(&path, None) }
    }

    /// Its child.
    pub fn fork(&mut self) -> Self {
        self.fork_to("")
    }

    /// Its child, which makes a call before anything else: see [`done`](Self::done).
    pub fn fork_to(&mut self, call: &str) -> Self {
        let path = temporary("puppet");
        let path = path.to_string_lossy();
        self.order(&format!("fork {path} {call}"));
        Self::connect(&path, Some(self.pid))
    }

    /// Another thread of its process.
    pub fn thread(&mut self) -> Self {
        let path = temporary("puppet");
        let path = path.to_string_lossy();
        self.order(&format!("thread {path}"));
        Self::connect(&path, self.ppid)
    }

    fn connect(path: &str, ppid: Option<i32>) -> Self {
        let connection = until("a puppet", || UnixStream::connect(path).ok());
        let pid = listener(&connection);
        let mut connection = BufReader::new(connection);
        let Greeting { tid, done } = serde_json::from_str(&line(&mut connection))
            .unwrap_or_else(|error| panic!("a puppet's greeting: {error}"));
        let mut puppet = Self { connection, pid, tid, ppid, done: None, _process: None };
        puppet.done = done.map(|done| puppet.as_seen_from_here(done));
        puppet
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Its thread id.
    pub fn tid(&self) -> i32 {
        self.tid
    }

    /// The event of the call it made at once.
    pub fn done(&self) -> Value {
        let done = self.done.as_ref().unwrap_or_else(|| panic!("it had no call to make"));
        Value::from(done.event.clone())
    }

    /// Has it make a call, by name and numbers. Returns the event.
    pub fn call(&mut self, call: &str) -> Value {
        let answer = self.order(call);
        let call = serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{call}: {error}: {answer:?}"));
        Value::from(self.as_seen_from_here(call).event)
    }

    /// Has it do something that is no call to be stated. Returns the answer.
    pub fn order(&mut self, order: &str) -> String {
        let sent = self.connection.get_mut().write_all(format!("{order}\n").as_bytes());
        sent.unwrap_or_else(|error| panic!("{order}: {error}"));
        line(&mut self.connection)
    }

    /// Puts the numbers it has here in place of those it knows.
    fn as_seen_from_here(&self, mut call: Expected) -> Expected {
        call.event["pid"] = json!(self.pid);
        call.event["tid"] = json!(self.tid);
        if let Some(ppid) = self.ppid {
            call.event["ppid"] = json!(ppid);
        }
        call
    }
}

fn line(connection: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    let length = connection.read_line(&mut line);
    let length = length.unwrap_or_else(|error| panic!("a puppet says nothing: {error}"));
    assert!(length > 0, "a puppet is gone");
    line.trim_end().into()
}

/// Who listens at the other end: its process id as it is in our namespace.
fn listener(connection: &UnixStream) -> i32 {
    let mut peer = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the buffer has the length given.
    let got = unsafe {
        libc::getsockopt(
            connection.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        )
    };
    assert_eq!(got, 0, "no peer");
    peer.pid
}
