//! The measurements in guests of one kernel.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::arch::Arch;
use crate::build;
use crate::cache::Cache;
use crate::image;
use crate::interrupt;
use crate::process;
use crate::progress::Step;
use crate::setup;
use crate::setup::kernel::Version;
use crate::vm::{Job, Mishap, OnInterrupt, PAYLOAD, Root, Streams, Vm};

const PROGRAM: &str = "bench-guest";
/// Makes the many calls of the storm.
const WORKLOAD: &str = "workload";
/// Many times what any of them takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(3600);
/// How often a guest is started that QEMU's emulation ends.
const TRIES: u32 = 3;

/// A guest and what is measured in it.
struct Guest {
    /// What it does, for who waits for it.
    what: &'static str,
    /// The measurements, as the program knows them.
    parts: &'static [&'static str],
    smp: u32,
    memory_mb: u32,
    icount: bool,
    /// Whether it needs the root image, which has the other tracers.
    others: bool,
}

/// Those of x86_64, one after the other, so that none disturbs another: two of them are by the clock.
const GUESTS: [Guest; 4] = [
    Guest {
        what: "Counting instructions",
        parts: &["start", "calls", "work", "signals", "joined"],
        icount: true,
        others: true,
        ..guest(1)
    },
    // 10,000 processes, each of which has memory of its own.
    Guest { what: "Counting processes", parts: &["processes"], memory_mb: 6144, ..guest(1) },
    Guest { what: "Timing ends", parts: &["end"], ..guest(2) },
    Guest { what: "Counting losses", parts: &["storm"], others: true, ..guest(4) },
];

/// Those of aarch64: what is by the clock or needs much memory is measured where it is not emulated by another
/// machine, and other tracers are held against where there is a root image.
const GUESTS_OF_AARCH64: [Guest; 1] = [Guest {
    what: "Counting instructions",
    parts: &["start", "calls", "work", "signals", "joined"],
    icount: true,
    ..guest(1)
}];

/// What calls cost, to be shown beside what they cost elsewhere.
const CALLS: [Guest; 1] =
    [Guest { what: "Counting instructions of calls", parts: &["calls"], icount: true, ..guest(1) }];

/// One of so many processors that goes by the clock, with nothing to do.
const fn guest(smp: u32) -> Guest {
    Guest { what: "", parts: &[], smp, memory_mb: 1024, icount: false, others: false }
}

/// What the guests had to say.
pub(super) struct Measured {
    /// Their architecture.
    pub(super) arch: Arch,
    /// What was measured in them, as the program knows it.
    pub(super) parts: Vec<&'static str>,
    /// Whether other tracers were to be measured, too.
    pub(super) others: bool,
    /// The release of their kernel.
    pub(super) kernel: String,
    /// A line of JSON for each measurement.
    pub(super) lines: String,
}

/// What runs in the guests.
pub(super) struct Programs {
    arch: Arch,
    init: PathBuf,
    payload: Vec<PathBuf>,
}

/// Builds what runs in the guests.
pub(super) fn programs(cache: &Cache, arch: Arch) -> Result<Programs> {
    Ok(Programs {
        arch,
        init: build::take(&mut build::guest_programs(arch, &["guest-init"])?, "guest-init")?,
        payload: vec![
            build::sigtrace(cache, arch, true)?,
            build::measuring_program(arch, PROGRAM)?,
            build::measuring_program(arch, WORKLOAD)?,
        ],
    })
}

/// Measures everything on one kernel.
pub(super) fn measure(cache: &Cache, programs: &Programs, version: &Version) -> Result<Measured> {
    match programs.arch {
        Arch::X86_64 => measure_in(cache, programs, version, &GUESTS),
        Arch::Aarch64 => measure_in(cache, programs, version, &GUESTS_OF_AARCH64),
    }
}

/// Measures what calls cost on one kernel, without other tracers.
pub(super) fn measure_calls(
    cache: &Cache,
    programs: &Programs,
    version: &Version,
) -> Result<Measured> {
    measure_in(cache, programs, version, &CALLS)
}

fn measure_in(
    cache: &Cache,
    programs: &Programs,
    version: &Version,
    guests: &[Guest],
) -> Result<Measured> {
    let (mut kernel, mut lines) = (String::new(), String::new());
    for guest in guests {
        let vm = vm(cache, programs, version, guest)?;
        kernel.clone_from(&vm.kernel.release);
        let step = Step::start(format!("{} with Linux {kernel}", guest.what));
        lines.push_str(&run(&vm)?);
        step.done("done");
    }
    Ok(Measured {
        arch: programs.arch,
        parts: guests.iter().flat_map(|guest| guest.parts).copied().collect(),
        others: guests.iter().any(|guest| guest.others),
        kernel,
        lines,
    })
}

/// What the guest writes, which is started again if QEMU brought it to an end.
fn run(vm: &Vm) -> Result<String> {
    let mut tries = 1;
    loop {
        match run_once(vm) {
            Err(error) if tries < TRIES && is_forgiven(vm, &error) => {
                interrupt::check()?;
                eprintln!("{error:#}\nQEMU does this to a guest now and then; once more");
            }
            result => return result,
        }
        tries += 1;
    }
}

/// Whether QEMU may be at fault: its emulation of several processors sometimes runs kernel text
/// that another is in the midst of patching, as attaching probes does.
fn is_forgiven(vm: &Vm, error: &anyhow::Error) -> bool {
    match error.downcast_ref() {
        Some(Mishap::PanickedInBoot | Mishap::Panicked) => vm.smp > 1,
        Some(Mishap::NotBooted) => true,
        None => false,
    }
}

fn run_once(vm: &Vm) -> Result<String> {
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
    let bytes: Vec<u8> = output.try_iter().flatten().collect();
    String::from_utf8(bytes).context("the guest wrote invalid UTF-8")
}

fn vm(cache: &Cache, programs: &Programs, version: &Version, guest: &Guest) -> Result<Vm> {
    let machine = setup::machine(cache, programs.arch, version)?;
    let program = [format!("{PAYLOAD}/{PROGRAM}")].into_iter();
    let argv = program.chain(guest.parts.iter().copied().map(str::to_owned)).collect();
    let mut vm = Vm::new(machine, programs.init.clone(), Job { argv, ..Job::default() });
    for program in &programs.payload {
        vm.program(program.clone());
    }
    if guest.others {
        vm.root = Root::Disk(image::ensure(cache, programs.arch)?);
    }
    vm.smp = guest.smp;
    vm.memory_mb = guest.memory_mb;
    vm.icount = guest.icount;
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
