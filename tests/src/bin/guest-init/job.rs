//! Running the job, from its start to its exit code.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;

use anyhow::{Context as _, Result};

use crate::forward::{self, JOB_ENDED};
use crate::mount::check;
use crate::serial;
use crate::spec::Spec;

/// Marks a line of the job's standard error on the console.
const STDERR: &str = "SIGTRACE-GUEST-STDERR";
/// What a shell reports for a command it cannot start.
const NOT_STARTED: i32 = 127;

/// Runs the job and what goes beside it; the job's exit code, 128 and more for a signal.
pub(crate) fn run(spec: &Spec) -> Result<i32> {
    let port = serial::open_job_port(&spec.port)?;
    // On a line of its own: systemd resets the terminal without ending the line.
    println!("\nSIGTRACE-GUEST-START");
    let mut command = prepare(spec, &spec.argv)?;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut job = match command.spawn() {
        Ok(job) => job,
        Err(error) => {
            println!("{STDERR} cannot start {}: {error}", spec.argv.join(" "));
            return Ok(NOT_STARTED);
        }
    };
    let pid = libc::pid_t::try_from(job.id())?;
    let control = port.try_clone()?;
    thread::spawn(move || {
        // SAFETY: kill touches no memory. Once the job has ended the machine goes down at once, so
        // its pid does not come to mean another process.
        serial::watch_for_stop(control, || _ = unsafe { libc::kill(pid, libc::SIGINT) });
    });
    if let Some(argv) = &spec.beside {
        start_beside(spec, argv)?;
    }
    let stdout = job.stdout.take().context("the job has no standard output")?;
    let stderr = job.stderr.take().context("the job has no standard error")?;
    thread::scope(|scope| {
        // A port that fails is one that nobody listens to any more.
        scope.spawn(|| forward::all(stdout, |bytes| _ = (&port).write_all(bytes)));
        scope.spawn(|| forward::lines(stderr, |line| println!("{STDERR} {line}")));
        let code = reap_until(pid);
        JOB_ENDED.store(true, Ordering::Release);
        code
    })
    .inspect(|_| serial::drain(&port))
}

/// A command with the environment and the standard input of a job.
fn prepare(spec: &Spec, argv: &[String]) -> Result<Command> {
    let (program, args) = argv.split_first().context("the job is an empty command")?;
    // The name is looked up where the job would look, not where init would.
    let path = "/payload:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let mut command = Command::new(program);
    command.args(args).current_dir("/").stdin(Stdio::null());
    command.env_clear().env("PATH", path).env("HOME", "/root").envs(&spec.env);
    Ok(command)
}

/// Starts what goes beside the job. It ends with the machine.
fn start_beside(spec: &Spec, argv: &[String]) -> Result<()> {
    let mut command = prepare(spec, argv)?;
    command.stdout(Stdio::null()).process_group(0);
    command.spawn().with_context(|| format!("cannot start {}", argv.join(" ")))?;
    Ok(())
}

/// Collects every child that ends, orphans included, until the job has.
fn reap_until(job: libc::pid_t) -> Result<i32> {
    loop {
        let mut status = 0;
        // SAFETY: the status outlives the call.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        check(pid).context("waiting for the job")?;
        if pid != job {
            continue;
        }
        if libc::WIFEXITED(status) {
            return Ok(libc::WEXITSTATUS(status));
        }
        return Ok(128 + libc::WTERMSIG(status));
    }
}
