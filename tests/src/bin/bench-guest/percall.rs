//! What a system call costs its caller, in two ways.
//!
//! - `alone`: single calls with a pause before each, so that a tracer has dealt with the one
//!   before; the median.
//! - `row`: short batches of calls in a row; the median of their averages. What runs beside the
//!   caller, a tracer's own process for one, comes in a few of them and drops out.

use std::ffi::CStr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::clock::{median, now};

const SINGLES: usize = 101;
const PAUSE: Duration = Duration::from_millis(1);

const BATCHES: usize = 41;
const BATCH: u64 = 100;

/// Calls that nobody looks at: the first of all fault pages in and fill a tracer's maps.
const WARM_UP: u64 = 300;

/// How many calls of each kind are made.
pub(crate) const CALLS: u64 = WARM_UP + SINGLES as u64 + BATCHES as u64 * BATCH;

/// The name percall goes by: reading a name takes the longer the longer it is.
const NAME: &CStr = c"percall";

/// A signal that nobody handles is thrown away when it is sent; the send goes all the way there.
const IGNORED: libc::c_int = libc::SIGWINCH;

/// Prints the instructions per call, by way of measuring and by call, as a line of JSON. `another`
/// is the process that some of the signals are sent to.
pub(crate) fn measure(another: Option<&str>) -> Result<()> {
    let another: libc::pid_t =
        another.and_then(|pid| pid.parse().ok()).context("usage: bench-guest percall PID")?;
    // SAFETY: plain system calls; the name outlives its own.
    let pid = unsafe {
        libc::prctl(libc::PR_SET_NAME, NAME.as_ptr());
        libc::getpid()
    };
    let (set, mut old) = (1u64 << (libc::SIGUSR1 - 1), 0u64);
    let mut sigprocmask = || {
        let (set, old) = (&raw const set, &raw mut old);
        // SAFETY: two sets of eight bytes each.
        unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, set, old, 8) };
    };
    let mut pending = 0u64;
    let mut sigpending = || {
        // SAFETY: a set of eight bytes.
        unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut pending, 8) };
    };
    let kill = |pid: libc::pid_t, signo: libc::c_int| {
        // SAFETY: plain system call; neither signal does anything to a process.
        move || _ = unsafe { libc::syscall(libc::SYS_kill, pid, signo) }
    };
    // SAFETY: plain system call.
    let mut getppid = || _ = unsafe { libc::syscall(libc::SYS_getppid) };

    let mut ways = json!({});
    let mut add = |name: &str, call: &mut dyn FnMut()| {
        for _ in 0..WARM_UP {
            call();
        }
        for (way, cost) in [("alone", alone(call)), ("row", row(call))] {
            ways[way][name] = Value::from(cost);
        }
    };
    add("rt_sigprocmask", &mut sigprocmask);
    add("kill", &mut kill(pid, 0));
    add("kill_another", &mut kill(another, 0));
    add("signal_another", &mut kill(another, IGNORED));
    add("rt_sigpending", &mut sigpending);
    add("getppid", &mut getppid);
    println!("{ways}");
    Ok(())
}

fn alone(call: &mut dyn FnMut()) -> u64 {
    let once = |call: &mut dyn FnMut()| {
        std::thread::sleep(PAUSE);
        time(1, call)
    };
    let nothing = median((0..SINGLES).map(|_| once(&mut || {})).collect());
    let something = median((0..SINGLES).map(|_| once(call)).collect());
    something.saturating_sub(nothing)
}

fn row(call: &mut dyn FnMut()) -> u64 {
    let nothing = median((0..BATCHES).map(|_| time(BATCH, &mut || {})).collect());
    let something = median((0..BATCHES).map(|_| time(BATCH, call)).collect());
    something.saturating_sub(nothing) / BATCH
}

fn time(calls: u64, call: &mut dyn FnMut()) -> u64 {
    let start = now();
    for _ in 0..calls {
        call();
    }
    now() - start
}
