//! Throw-away virtual machines: one kernel, some files, one job.
//!
//! The guest's init is `tests/src/bin/guest-init`. Its console carries kernel messages, the job's
//! standard error and exactly one result line; the second serial port carries the job's standard
//! output, byte for byte, and takes the byte that asks the job to stop.

mod console;
mod initramfs;
mod ports;
mod qemu;
mod session;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;

use crate::arch::Arch;
use crate::setup::Machine;
use crate::setup::kernel::Kernel;

pub(crate) use session::Mishap;

/// Where the files of a guest are.
pub(crate) const PAYLOAD: &str = "/payload";

/// A file to put into the guest.
#[derive(Clone, Debug)]
pub(crate) struct GuestFile {
    /// Where it is here.
    pub(crate) host: PathBuf,
    /// Where it goes there.
    pub(crate) guest: String,
    /// Its permissions there.
    pub(crate) mode: u32,
}

/// What the guest runs, and what it runs beside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Job {
    /// The command, by path or by name.
    pub(crate) argv: Vec<String>,
    /// Variables of its environment, beside `PATH` and `HOME`.
    pub(crate) env: BTreeMap<String, String>,
    /// A command started with it and ended when it ends; its output goes nowhere.
    pub(crate) beside: Option<Vec<String>>,
}

/// The guest's root file system.
#[derive(Clone, Debug)]
pub(crate) enum Root {
    /// The initial one, with busybox.
    Initramfs,
    /// A disk image, the job run by our init. What is written to it is gone with the guest.
    Disk(PathBuf),
    /// The same, but what is written stays.
    WritableDisk(PathBuf),
    /// A disk image, the job run as a service of its systemd. What is written to it is gone with the guest.
    Systemd(PathBuf),
}

/// What to do with the guest when the user wants to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnInterrupt {
    /// Have the job stop by SIGINT, and take its result.
    StopJob,
    /// End the guest at once.
    Kill,
}

/// A guest to run.
#[derive(Clone, Debug)]
pub(crate) struct Vm {
    /// What it is.
    pub(crate) arch: Arch,
    /// The kernel to boot.
    pub(crate) kernel: Kernel,
    /// The static busybox for its userland.
    pub(crate) busybox: PathBuf,
    /// The guest's init program.
    pub(crate) init: PathBuf,
    /// More files.
    pub(crate) files: Vec<GuestFile>,
    /// What to run.
    pub(crate) job: Job,
    /// Processors.
    pub(crate) smp: u32,
    /// Memory.
    pub(crate) memory_mb: u32,
    /// Count instructions: one processor whose clock is the number of instructions executed.
    pub(crate) icount: bool,
    /// The root file system.
    pub(crate) root: Root,
    /// More for the kernel's command line.
    pub(crate) options: String,
    /// All kernel messages on the console.
    pub(crate) verbose: bool,
    /// How long it may say nothing, once the job runs; `None` for as long as it likes.
    pub(crate) silence: Option<Duration>,
    /// How long the job may take; `None` for as long as it likes.
    pub(crate) timeout: Option<Duration>,
    /// What Ctrl-C does.
    pub(crate) on_interrupt: OnInterrupt,
}

/// Where the guest's output goes.
pub(crate) struct Streams<'a> {
    /// The job's standard output. A broken pipe asks the job to stop and is no error.
    pub(crate) stdout: Box<dyn Write + Send>,
    /// Tells, before there is anything to write, that a write would find a broken pipe.
    pub(crate) reader_gone: fn() -> bool,
    /// The job's standard error.
    pub(crate) stderr: &'a mut dyn Write,
    /// The console: kernel messages and everything else.
    pub(crate) console: &'a mut dyn Write,
}

impl Vm {
    /// A guest with two processors that runs `job` from its initial file system.
    pub(crate) fn new(machine: Machine, init: PathBuf, job: Job) -> Self {
        Self {
            arch: machine.arch,
            kernel: machine.kernel,
            busybox: machine.busybox,
            init,
            files: Vec::new(),
            job,
            smp: 2,
            memory_mb: 1024,
            icount: false,
            options: String::new(),
            root: Root::Initramfs,
            verbose: false,
            silence: None,
            timeout: None,
            on_interrupt: OnInterrupt::StopJob,
        }
    }

    /// Adds a program to the payload folder.
    pub(crate) fn program(&mut self, host: PathBuf) {
        let name = host.file_name().unwrap_or_default().to_string_lossy();
        let guest = format!("{PAYLOAD}/{name}");
        self.files.push(GuestFile { host, guest, mode: 0o755 });
    }

    /// Boots the guest, runs its job and returns the job's exit code.
    pub(crate) fn run(&self, streams: Streams<'_>) -> Result<i32> {
        let outside = self.files.iter().find(|file| !Path::new(&file.guest).starts_with(PAYLOAD));
        if let Some(file) = outside.filter(|_| !matches!(self.root, Root::Initramfs)) {
            bail!("{}: a guest with a disk takes files in {PAYLOAD} only", file.guest);
        }
        if !matches!(self.root, Root::Initramfs) && self.kernel.modules.is_empty() {
            bail!("Debian has no modules of {} any more, which a disk needs", self.kernel.release);
        }
        let initrd = initramfs::unnamed(|archive| {
            archive.copy(&self.init, "/payload/guest-init", 0o755)?;
            archive.symlink("/init", "payload/guest-init")?;
            archive.copy(&self.busybox, "/bin/busybox", 0o755)?;
            for module in &self.kernel.modules {
                let name = module.file_name().unwrap_or_default().to_string_lossy();
                archive.copy(module, &format!("/modules/{name}"), 0o644)?;
            }
            archive.file("/payload/job.json", 0o644, self.job_description().as_bytes())?;
            for file in &self.files {
                archive.copy(&file.host, &file.guest, file.mode)?;
            }
            Ok(())
        })?;
        session::run(self, initrd, streams)
    }

    /// The job as `guest-init` reads it.
    fn job_description(&self) -> String {
        let root = match self.root {
            Root::Initramfs => "initramfs",
            Root::Disk(_) | Root::WritableDisk(_) => "disk",
            Root::Systemd(_) => "systemd",
        };
        let Job { argv, env, beside } = &self.job;
        let [_, port] = self.arch.ports();
        json!({ "argv": argv, "env": env, "beside": beside, "root": root, "port": port.name })
            .to_string()
    }
}
