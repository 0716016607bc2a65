//! The live workload's own programs: what a shell cannot do with signals. Each is chosen by the
//! name it is started under and, the daemon aside, does its round and ends.
//!
//! Together with a shell's job control they make every call that sigtrace traces.

mod queue;
mod signalfd;
mod sleeper;
mod supervisor;
mod sys;
mod threads;

use std::path::Path;

use anyhow::{Context as _, Result, bail};

fn main() -> Result<()> {
    let started_as = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&started_as).file_name().unwrap_or_default().to_string_lossy();
    let program = match &*name {
        "queue-sender" => queue::run,
        "signalfd-daemon" => signalfd::run,
        "sleeper" => sleeper::run,
        "supervisor" => supervisor::run,
        "thread-pool" => threads::run,
        _ => bail!(
            "start this as queue-sender, signalfd-daemon, sleeper, supervisor or thread-pool, \
             through a symbolic link"
        ),
    };
    program().with_context(|| format!("{name} failed"))
}
