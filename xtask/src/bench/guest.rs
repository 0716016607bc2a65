//! The measurements in the guest.

use std::io::{self, Write};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::build;
use crate::cache::Cache;
use crate::process;
use crate::progress::Step;
use crate::setup::{self, image};
use crate::vm::{Job, OnInterrupt, PAYLOAD, Root, Streams, Vm};

/// The kernel that all figures are of.
const KERNEL: &str = "6.12";
const PROGRAM: &str = "bench-guest";
/// Many times what it takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// What the guest had to say.
pub(super) struct Measured {
    /// The release of its kernel.
    pub(super) kernel: String,
    /// A line of JSON for each measurement.
    pub(super) lines: String,
}

/// Measures everything in one guest that counts instructions.
pub(super) fn measure(cache: &Cache) -> Result<Measured> {
    let vm = vm(cache)?;
    let kernel = vm.kernel.release.clone();
    let step = Step::start(format!("Counting instructions in a guest with Linux {kernel}"));
    let (sender, output) = mpsc::channel();
    let (mut stderr, mut console) = (Vec::new(), io::sink());
    let code = vm.run(Streams {
        stdout: Box::new(Sink(sender)),
        reader_gone: || false,
        stderr: &mut stderr,
        console: &mut console,
    })?;
    let stderr = String::from_utf8_lossy(&stderr);
    ensure!(code == 0, "{PROGRAM} ended with {code}:\n{}", process::tail(&stderr, 40));
    step.done("done");
    let bytes: Vec<u8> = output.try_iter().flatten().collect();
    let lines = String::from_utf8(bytes).context("the guest wrote no UTF-8")?;
    Ok(Measured { kernel, lines })
}

fn vm(cache: &Cache) -> Result<Vm> {
    let machine = setup::machine(cache, &KERNEL.parse()?)?;
    let init = build::take(&mut build::guest_programs(&["guest-init"])?, "guest-init")?;
    let argv = vec![format!("{PAYLOAD}/{PROGRAM}")];
    let mut vm = Vm::new(machine, init, Job { argv, ..Job::default() });
    vm.program(build::sigtrace(cache, true)?);
    vm.program(build::measuring_program(PROGRAM)?);
    vm.root = Root::Disk(image::ensure(cache)?);
    vm.icount = true;
    vm.timeout = Some(TIMEOUT);
    vm.on_interrupt = OnInterrupt::Kill;
    Ok(vm)
}

/// Sends on what is written.
struct Sink(Sender<Vec<u8>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
