//! The QEMU command line, and the process behind it.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use command_fds::{CommandFdExt as _, FdMapping};

use super::{Root, Vm};
use crate::process;

const CONSOLE_FD: i32 = 3;
const JOB_FD: i32 = 4;
const INITRD_FD: i32 = 5;

/// A running guest, seen from outside. Dropping it ends it.
pub(super) struct Qemu {
    child: Child,
    /// The guest's console.
    pub(super) console: UnixStream,
    /// The guest's second serial port: the job's output comes out, control bytes go in.
    pub(super) job: UnixStream,
}

impl Qemu {
    /// Starts `vm` with the given initial file system.
    ///
    /// The thread that calls this must outlive the guest: the guest dies with it.
    pub(super) fn start(vm: &Vm, initrd: File) -> Result<Self> {
        let (console, console_end) = UnixStream::pair().context("creating a socket pair")?;
        let (job, job_end) = UnixStream::pair().context("creating a socket pair")?;
        let (program, _) = vm.arch.qemu();
        let mut command = process::command(program);
        command.args(arguments(vm)?);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C on our terminal is ours to pass on.
        command.process_group(0);
        let fds: [(OwnedFd, i32); 3] = [
            (console_end.into(), CONSOLE_FD),
            (job_end.into(), JOB_FD),
            (initrd.into(), INITRD_FD),
        ];
        let fds = fds.map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
        command.fd_mappings(fds.into()).context("passing files to QEMU")?;
        die_with_us(&mut command);
        let child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        Ok(Self { child, console, job })
    }

    /// Ends QEMU; what it had to complain about.
    pub(super) fn end(&mut self) -> String {
        // It may have ended by itself; then there is nothing to kill and wait still reports it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut complaint = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut complaint);
        }
        complaint
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        self.end();
    }
}

/// Has the kernel kill the child should xtask end without doing so, by SIGKILL for example.
fn die_with_us(command: &mut Command) {
    let die = || {
        // SAFETY: prctl with PR_SET_PDEATHSIG takes a signal number and touches no memory.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec the closure makes one system call and allocates nothing.
    unsafe { command.pre_exec(die) };
}

fn arguments(vm: &Vm) -> Result<Vec<String>> {
    let mut all = words("-nodefaults -no-user-config -no-reboot -display none -net none");
    all.extend(words(if vm.icount {
        // Guest time is guest instructions, so that a measurement comes out the same every time.
        "-accel tcg,thread=single -icount shift=0,sleep=off"
    } else if vm.smp > 1 {
        // Not thread=single, under which two processors hardly get anywhere.
        "-accel tcg,thread=multi"
    } else {
        "-accel tcg"
    }));
    all.extend(words(vm.arch.machine()));
    if vm.icount {
        all.extend(words(vm.arch.fine_clock()));
    }
    let smp = if vm.icount { 1 } else { vm.smp };
    all.extend(words(&format!("-smp {smp} -m {}M", vm.memory_mb)));
    for (port, (id, fd)) in vm.arch.ports().iter().zip([("console", CONSOLE_FD), ("job", JOB_FD)]) {
        all.extend(words(&format!("-chardev socket,id={id},fd={fd}")));
        all.extend(words(&match port.on_pci {
            true => format!("-device pci-serial,chardev={id}"),
            false => format!("-serial chardev:{id}"),
        }));
    }
    all.extend(["-kernel".into(), process::text(&vm.kernel.image)?.into()]);
    all.extend(["-initrd".into(), format!("/proc/self/fd/{INITRD_FD}")]);
    let disk = match &vm.root {
        Root::Initramfs => None,
        Root::Disk(image) | Root::Systemd(image) => Some((image, "snapshot=on")),
        // Whoever lost the machine's power would make the image anew, so nothing is flushed to its disk.
        Root::WritableDisk(image) => Some((image, "cache=unsafe")),
    };
    if let Some((image, writes)) = disk {
        // A comma in a path is written twice.
        let image = process::text(image)?.replace(',', ",,");
        let drive = format!("file={image},format=raw,if=virtio,{writes}");
        all.extend(["-drive".into(), drive]);
    }
    all.extend(["-append".into(), kernel_command_line(vm)]);
    Ok(all)
}

fn kernel_command_line(vm: &Vm) -> String {
    let [console, _] = vm.arch.ports();
    let console = console.name;
    let mut line = format!("console={console} panic=-1 oops=panic mitigations=off");
    if !vm.verbose {
        line.push_str(" quiet");
    }
    if !vm.options.is_empty() {
        line.push(' ');
        line.push_str(&vm.options);
    }
    if vm.icount {
        // A random stack offset per call would make instruction counts differ.
        line.push_str(" randomize_kstack_offset=off nokaslr");
    } else {
        line.push(' ');
        line.push_str(vm.arch.options());
        // QEMU knows code by its address, so with random ones it translates a program anew each time it
        // starts. And it clears a page as slowly as anything, which this kernel does when it hands one out
        // though its user writes all of it.
        line.push_str(" norandmaps init_on_alloc=0");
    }
    if matches!(vm.root, Root::Systemd(_)) {
        // Nobody logs in there, and waiting for the console costs 90 seconds.
        line.push_str(&format!(
            " systemd.mask=serial-getty@{console}.service systemd.show_status=0"
        ));
    }
    line
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
