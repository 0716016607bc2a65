//! The memory sigtrace takes where there are many processes, all of which it knows.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::memory;
use crate::tracer::{EVENTS, Tracer};

/// Executed so, we sleep.
pub(crate) const SLEEP: &str = "sleep";
const OURSELVES: &str = "/payload/bench-guest";

/// How many they are.
const PROCESSES: usize = 10_000;
/// Until sigtrace has dealt with what it was told of them.
const REST: Duration = Duration::from_secs(2);
/// How long they may take to come or to go.
const PATIENCE: Duration = Duration::from_secs(300);

const FULL: [&str; 6] = ["--syscall", "kill", "--context", "full", "--stats", "--no-check"];

/// Measures it with processes that were forked, and with those that executed something, each with arguments of its
/// own: what has been executed is kept once for all that were forked since.
pub(crate) fn measure() -> Result<()> {
    with("forked", fork_all)?;
    with("executed", execute_all)
}

/// Sleeps until it is killed.
pub(crate) fn sleep() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

fn with(how: &str, start: impl FnOnce() -> Result<Vec<Sleeper>>) -> Result<()> {
    let tracer = Tracer::sigtrace(&FULL, File::create(EVENTS)?.into())?;
    let before = processes_of_all()?;
    let sleepers = start()?;
    let began = Instant::now();
    while processes_of_all()? < before + PROCESSES && began.elapsed() < PATIENCE {
        std::thread::sleep(REST);
    }
    std::thread::sleep(REST);
    let mut memory = memory::of(tracer.pid())?;
    tracer.stop()?;
    drop(sleepers);
    let events = fs::read_to_string(EVENTS)?;
    let stats: Value = serde_json::from_str(events.lines().last().unwrap_or_default())
        .context("sigtrace's last line is no stats record")?;
    let context = &stats["context"];
    ensure!(
        context["processes"].as_u64() >= Some(PROCESSES as u64) && context["lost"] == 0,
        "sigtrace knows others than {PROCESSES} processes: {stats}"
    );
    memory["measure"] = "processes".into();
    memory["how"] = how.into();
    memory["processes"] = context["processes"].clone();
    println!("{memory}");
    Ok(())
}

/// How many there are on this machine.
fn processes_of_all() -> Result<usize> {
    let entries = fs::read_dir("/proc")?;
    let is_process = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    Ok(entries.flatten().filter_map(is_process).count())
}

/// A process that sleeps until it is dropped.
enum Sleeper {
    Forked(libc::pid_t),
    Executed(Child),
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        match self {
            Self::Forked(pid) => {
                // SAFETY: a child of ours that nobody has waited for.
                unsafe {
                    libc::kill(*pid, libc::SIGKILL);
                    libc::waitpid(*pid, std::ptr::null_mut(), 0);
                }
            }
            Self::Executed(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn fork_all() -> Result<Vec<Sleeper>> {
    let mut sleepers = Vec::new();
    for _ in 0..PROCESSES {
        // SAFETY: we have one thread; the child does nothing but sleep.
        match unsafe { libc::fork() } {
            0 => sleep(),
            pid => {
                ensure!(pid > 0, "cannot fork: {}", std::io::Error::last_os_error());
                sleepers.push(Sleeper::Forked(pid));
            }
        }
    }
    Ok(sleepers)
}

fn execute_all() -> Result<Vec<Sleeper>> {
    let mut sleepers = Vec::new();
    for number in 0..PROCESSES {
        let mut command = Command::new(OURSELVES);
        // About as long as command lines are.
        command.args([SLEEP, "--config", &format!("/etc/service-{number:05}.conf")]);
        command.args(["--log-level", "warning", "--listen", "127.0.0.1:8080"]);
        let child = command.stdin(Stdio::null()).spawn().context(OURSELVES)?;
        sleepers.push(Sleeper::Executed(child));
    }
    Ok(sleepers)
}
