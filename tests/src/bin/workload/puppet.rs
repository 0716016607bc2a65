//! A process that does what a test tells it, a line at a time: for tests in which several processes
//! and threads act in turn.
//!
//! `workload puppet SOCKET` listens there. Who connects gives orders and gets a line of answer to
//! each; once the connection is closed the puppet ends. Its children and threads are puppets with
//! sockets of their own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process;
use std::str::{FromStr, SplitAsciiWhitespace};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use sigtrace_tests::expect::Expected;

use crate::actions;
use crate::call::{
    Call, kill, pidfd_open, pidfd_send_signal, rt_sigaction, rt_sigpending, rt_sigprocmask,
    rt_sigqueueinfo, rt_sigtimedwait, rt_tgsigqueueinfo, sigaltstack, signalfd4, tgkill, tkill,
};
use crate::masks;
use crate::pointer::{gets_set, null, to_set};
use crate::script::now_ns;
use crate::siginfo::Info;
use crate::timed::timeout;
use crate::{identity, namespaces, pointer};

/// What is left of an order.
type Words<'a> = SplitAsciiWhitespace<'a>;

pub(crate) fn run(arguments: &[String]) {
    serve(&listen(&arguments[0]), None);
}

fn listen(path: &str) -> UnixListener {
    UnixListener::bind(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Obeys whoever connects first. Tells it who we are, and what we have done at once.
fn serve(listener: &UnixListener, done: Option<&Expected>) {
    let (connection, _) = listener.accept().unwrap_or_else(|error| panic!("accept: {error}"));
    answer(&connection, &json!({ "tid": identity::own().tid, "done": done }).to_string());
    let mut orders = BufReader::new(&connection);
    let mut order = String::new();
    while orders.read_line(&mut order).is_ok_and(|length| length > 0) {
        answer(&connection, &obey(&order));
        order.clear();
    }
}

fn answer(mut connection: &UnixStream, line: &str) {
    // Nobody is there to be told if the test is over.
    let _ = connection.write_all(format!("{line}\n").as_bytes());
}

/// Does as ordered and says what came of it: of a call, what sigtrace has to show.
fn obey(order: &str) -> String {
    let mut words = order.split_ascii_whitespace();
    match next::<String>(&mut words).as_str() {
        "fork" => fork(&next::<String>(&mut words), &words.collect::<Vec<_>>().join(" ")),
        "thread" => {
            let path: String = next(&mut words);
            thread::spawn(move || serve(&listen(&path), None));
            "started".into()
        }
        "name" => prctl_name(&next::<String>(&mut words)),
        "user" => {
            let user = next(&mut words);
            identity::become_user(user, user);
            "done".into()
        }
        "alarm" => alarm(),
        "work" => work(next(&mut words)),
        // SAFETY: no memory is involved.
        "lead-group" => unsafe { libc::setpgid(0, 0) }.to_string(),
        // SAFETY: as above.
        "new-namespace" => unsafe { libc::unshare(libc::CLONE_NEWPID) }.to_string(),
        _ => json!(perform(order)).to_string(),
    }
}

/// Makes a child that makes a call before anything else, if there is one to make. Not by the
/// library's function, which makes signal calls of its own.
fn fork(path: &str, first: &str) -> String {
    // SAFETY: like fork. A thread that is not copied holds no lock, as it waits for orders.
    match unsafe {
        libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0_usize, 0_usize, 0_usize, 0_usize)
    } {
        -1 => panic!("cannot fork"),
        0 => {
            let done = (!first.is_empty()).then(|| perform(first));
            // The kernel tells who connects the id of who listens.
            serve(&listen(path), done.as_ref());
            process::exit(0)
        }
        pid => pid.to_string(),
    }
}

/// Has a timer send us SIGALRM, which we ignore, while we are asleep.
fn alarm() -> String {
    let when = libc::timeval { tv_sec: 0, tv_usec: 30_000 };
    let once =
        libc::itimerval { it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 }, it_value: when };
    // SAFETY: a time to read from.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_IGN);
        let no_time = std::ptr::null_mut::<libc::itimerval>();
        libc::syscall(libc::SYS_setitimer, libc::ITIMER_REAL, &raw const once, no_time);
    }
    thread::sleep(Duration::from_millis(60));
    "done".into()
}

/// Is at work for so many milliseconds.
fn work(milliseconds: u64) -> String {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(milliseconds) {
        std::hint::spin_loop();
    }
    "done".into()
}

/// Changes the thread's name to the bytes with these hexadecimal numbers.
fn prctl_name(hex: &str) -> String {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or(b'?');
    let name: Vec<u8> = (0..hex.len()).step_by(2).map(byte).chain([0]).collect();
    // SAFETY: a string that ends.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) }.to_string()
}

fn perform(order: &str) -> Expected {
    let identity = identity::own();
    let mut words = order.split_ascii_whitespace();
    let name: String = next(&mut words);
    let call = namespaces::seen_from_outside(call(&name, &mut words));
    let abi = call.abi;
    let before = masks::are_changed_by(&name).then(masks::blocked);
    let after_ns = now_ns();
    let ret = call.make();
    let before_ns = Some(now_ns());
    let mut event = identity.event(&name, call.args_after(), Some(ret));
    event["abi"] = json!(abi);
    if let Some(before) = before {
        masks::state(&mut event, Some([before, masks::blocked()]));
    }
    if actions::are_changed_by(&name) {
        // It only asks.
        actions::state(&mut event, &name, None);
    }
    Expected { event, after_ns, before_ns, problem: None }
}

fn call(name: &str, words: &mut Words<'_>) -> Call {
    match name {
        "kill" => kill(next(words), next(words)),
        "tkill" => tkill(next(words), next(words)),
        "tgkill" => tgkill(next(words), next(words), next(words)),
        "rt_sigqueueinfo" => {
            let (tgid, signo) = (next(words), next(words));
            rt_sigqueueinfo(tgid, signo, info(signo))
        }
        "rt_tgsigqueueinfo" => {
            let (tgid, tid, signo) = (next(words), next(words), next(words));
            rt_tgsigqueueinfo(tgid, tid, signo, info(signo))
        }
        "pidfd_open" => pidfd_open(next(words), 0),
        // The process behind it is for the test to name.
        "pidfd_send_signal" => {
            pidfd_send_signal(next(words), next(words), null(), 0, Some(next(words)))
        }
        "rt_sigaction" => rt_sigaction(next(words), null(), null(), 8),
        "rt_sigprocmask" => rt_sigprocmask(next(words), to_set(next(words)), null(), 8),
        "rt_sigpending" => rt_sigpending(gets_set(0), 8),
        "rt_sigtimedwait" => {
            let (set, nsec) = (next(words), next::<i64>(words));
            rt_sigtimedwait(to_set(set), null(), timeout(0, nsec), 8)
        }
        "signalfd4" => signalfd4(next(words), to_set(next(words)), 8, 0),
        "sigaltstack" => sigaltstack(null(), null()),
        _ => panic!("no order: {name}"),
    }
}

/// What sigqueue would send, but that it does not write the signal.
fn info(signo: i32) -> pointer::Ptr {
    Info::new(signo, -1, json!("SI_QUEUE")).rt(4242, 7, 5).written(0).given()
}

fn next<T: FromStr>(words: &mut Words<'_>) -> T {
    let word = words.next().unwrap_or_default();
    word.parse().unwrap_or_else(|_| panic!("{word:?} is not what was asked for"))
}
