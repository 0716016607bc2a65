//! `cargo xtask run`: sigtrace at work, on this host or in a guest with something to trace.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::arch::Arch;
use crate::build;
use crate::cache::Cache;
use crate::cli;
use crate::guest;
use crate::host;
use crate::process;
use crate::setup;
use crate::vm::{GuestFile, Job, PAYLOAD, Vm};

const DEFAULT_KERNEL: &str = "6.12";
/// Started beside sigtrace: a shell with job control needs a terminal, and a guest has a first one.
const WORKLOAD: &str = "exec setsid -c sh -m /payload/live.sh <>/dev/tty1";

/// Builds sigtrace and runs it where it can run.
pub(crate) fn command(cache: &Cache, options: &cli::Run) -> Result<ExitCode> {
    let version = match &options.kernel {
        Some(version) => version.clone(),
        None => DEFAULT_KERNEL.parse()?,
    };
    let in_guest = if options.host {
        false
    } else if options.vm || options.kernel.is_some() || options.arch.is_some() {
        true
    } else if let Some(reason) = host::obstacle() {
        eprintln!("Not tracing this host: {reason}. Using a virtual machine with Linux {version}.");
        true
    } else {
        false
    };
    let arch = options.arch.map_or_else(Arch::of_host, Ok)?;
    let sigtrace = build::sigtrace(cache, arch, options.release)?;
    if !in_guest {
        return Err(become_sigtrace(&sigtrace, &options.args));
    }
    let machine = setup::machine(cache, arch, &version)?;
    let vm = Vm { verbose: options.verbose, ..vm(machine, sigtrace, &options.args)? };
    guest::exit_code(guest::run_here(&vm)?)
}

/// A guest with sigtrace as its job and the live workload beside it.
fn vm(machine: setup::Machine, sigtrace: PathBuf, args: &[String]) -> Result<Vm> {
    let mut programs = build::guest_programs(machine.arch, &["guest-init", "demo"])?;
    let mut argv = vec![format!("{PAYLOAD}/sigtrace")];
    argv.extend_from_slice(args);
    let beside = Some(["sh", "-c", WORKLOAD].map(String::from).into());
    let init = build::take(&mut programs, "guest-init")?;
    let mut vm = Vm::new(machine, init, Job { argv, beside, ..Job::default() });
    // More of them sometimes make QEMU run what it is in the midst of patching: see
    // docs/testing.md.
    vm.smp = 1;
    vm.program(sigtrace);
    vm.program(build::take(&mut programs, "demo")?);
    let script = build::workspace().join("tests/demo/live.sh");
    vm.files.push(GuestFile { host: script, guest: format!("{PAYLOAD}/live.sh"), mode: 0o755 });
    Ok(vm)
}

/// Replaces xtask by sigtrace, so that signals, pipes and the exit code are its own. Returns only
/// what went wrong.
fn become_sigtrace(program: &Path, args: &[String]) -> anyhow::Error {
    let mut command = if process::is_root() {
        Command::new(program)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg(program);
        sudo
    };
    let error = command.args(args).exec();
    anyhow::Error::from(error).context(format!("cannot start {}", process::show(&command)))
}
