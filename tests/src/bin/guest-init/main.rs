//! The init of sigtrace's guests: mounts what a Linux system has, runs one job, reports its exit
//! code on the console and switches the machine off.
//!
//! The console carries lines for xtask among the kernel's own: `SIGTRACE-GUEST-START`
//! before the job, `SIGTRACE-GUEST-STDERR text` for each line of its standard error, and at the end
//! exactly one `SIGTRACE-GUEST-EXIT code`. A guest that ends without that has failed. The job's
//! standard output is the second serial port, byte for byte; a byte 3 coming in there
//! interrupts it.
//!
//! Under systemd the same program is the job's service: `guest-init --job`.

mod forward;
mod job;
mod mount;
mod network;
mod root;
mod serial;
mod spec;

use anyhow::{Context as _, Result};

use spec::{Root, Spec};

fn main() {
    let as_service = std::env::args().nth(1).is_some_and(|arg| arg == "--job");
    let result = if as_service { Spec::read().and_then(|spec| run(&spec)) } else { boot() };
    if let Err(error) = result {
        eprintln!("guest-init: {error:#}");
    }
    serial::drain_console();
    mount::remount_root_read_only();
    power_off();
}

/// From the kernel's start of init to the job's end, or to systemd taking over.
fn boot() -> Result<()> {
    mount::kernel_file_systems(&mount::ESSENTIAL)?;
    root::load_modules()?;
    let spec = Spec::read()?;
    match spec.root {
        Root::Initramfs => root::install_busybox()?,
        Root::Disk | Root::Systemd => root::switch_to_disk()?,
    }
    if spec.root == Root::Systemd {
        return Err(root::start_systemd());
    }
    mount::kernel_file_systems(&mount::ESSENTIAL)?;
    mount::kernel_file_systems(&mount::SYSTEM)?;
    mount::control_groups()?;
    network::loopback_up().context("bringing up the loopback interface")?;
    run(&spec)
}

fn run(spec: &Spec) -> Result<()> {
    mount::kernel_file_systems(&mount::TRACING)?;
    let code = job::run(spec)?;
    // On a line of its own, whatever was written before.
    println!("\nSIGTRACE-GUEST-EXIT {code}");
    Ok(())
}

fn power_off() -> ! {
    // SAFETY: neither call touches memory of ours.
    unsafe {
        libc::sync();
        libc::reboot(libc::RB_POWER_OFF);
    }
    // Only reached if that was refused; xtask ends a guest that has reported and lingers.
    loop {
        std::thread::park();
    }
}
