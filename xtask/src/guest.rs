//! `cargo xtask vm`: one command in a guest.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::arch::Arch;
use crate::cache::Cache;
use crate::image;
use crate::setup;
use crate::vm::{GuestFile, Job, Root, Streams, Vm};
use crate::{build, cli};

/// Boots a guest, runs the command and passes its exit code on.
pub(crate) fn command(cache: &Cache, options: &cli::Vm) -> Result<ExitCode> {
    let arch = options.arch.map_or_else(Arch::of_host, Ok)?;
    let machine = setup::machine(cache, arch, &options.kernel)?;
    let mut job = Job { argv: options.command.clone(), ..Job::default() };
    for variable in &options.env {
        let (name, value) = variable
            .split_once('=')
            .with_context(|| format!("--env {variable}: use NAME=VALUE"))?;
        job.env.insert(name.into(), value.into());
    }
    let init = build::take(&mut build::guest_programs(arch, &["guest-init"])?, "guest-init")?;
    let mut vm = Vm::new(machine, init, job);
    vm.files =
        options.files().map(|(host, guest)| GuestFile { host, guest, mode: 0o755 }).collect();
    vm.smp = options.smp;
    vm.memory_mb = options.memory;
    vm.options.clone_from(&options.cmdline);
    vm.icount = options.icount;
    vm.verbose = options.verbose;
    vm.timeout = options.timeout.map(Duration::from_secs);
    if options.systemd {
        vm.root = Root::Systemd(image::ensure(cache, arch)?);
    } else if options.root {
        vm.root = Root::Disk(image::ensure(cache, arch)?);
    }
    exit_code(run_here(&vm)?)
}

/// A guest's exit code as ours.
pub(crate) fn exit_code(code: i32) -> Result<ExitCode> {
    let code = u8::try_from(code).with_context(|| format!("exit code {code} from the guest"))?;
    Ok(ExitCode::from(code))
}

/// Runs the guest as if it were a program of ours: output to output, errors to errors.
pub(crate) fn run_here(vm: &Vm) -> Result<i32> {
    let (mut stderr, mut console) = (io::stderr(), io::stderr());
    let mut nowhere = io::sink();
    vm.run(Streams {
        stdout: Box::new(io::stdout()),
        reader_gone: stdout_reader_gone,
        stderr: &mut stderr,
        console: if vm.verbose { &mut console } else { &mut nowhere },
    })
}

/// Whether nobody can read our standard output any more: a pipe says so before it is written to.
fn stdout_reader_gone() -> bool {
    let mut stdout = libc::pollfd { fd: libc::STDOUT_FILENO, events: 0, revents: 0 };
    // SAFETY: the one entry outlives the call, which does not wait.
    unsafe { libc::poll(&raw mut stdout, 1, 0) > 0 && stdout.revents & libc::POLLERR != 0 }
}
