//! sigtrace against strace: programs that nobody here wrote run under `strace -f` while sigtrace
//! traces the same processes, and what the two tell is compared step by step, to the last argument:
//! the calls of each thread, the signals that it takes, and the signal that ends it. To be run as root in a guest whose init is systemd.
//!
//! - [`run`] runs a program under both tracers. [`programs`] has the programs, [`stress`] those of
//!   stress-ng, [`attached`] systemd, which runs already.
//! - [`log`], [`notation`] and [`strace`] read what strace wrote, [`told`] and [`event`] what sigtrace
//!   wrote; both become a [`step`].
//! - [`compare`] puts them beside each other. [`tolerated`] is the list of the differences that are
//!   expected, with their reasons; any other fails the test.
//! - [`counts`] and [`tally`] count.
//! - [`alone`] runs programs without strace, too. [`repeatable`] has those, [`alike`] compares what
//!   they did.

mod alike;
mod alone;
mod attached;
mod compare;
mod counts;
mod difference;
mod event;
mod log;
mod notation;
mod programs;
mod repeatable;
mod run;
mod signal;
mod step;
mod strace;
mod stress;
mod tally;
mod told;
mod tolerated;

use std::process::ExitCode;
use std::time::Duration;

use sigtrace_tests::kernel::Kernel;

/// What one takes that hangs: those of systemd take a minute and a half, and three on a busy machine.
const LIMIT: Duration = Duration::from_secs(400);

fn main() -> ExitCode {
    // On the newer of its two kernels: what strace does to memory is the same on both.
    let alone = if Kernel::running().has_mechanism("kprobe.session") { alone::TESTS } else { &[] };
    sigtrace_tests::harness::main_within(LIMIT, &[("oracle", alone), ("oracle", programs::TESTS)])
}
