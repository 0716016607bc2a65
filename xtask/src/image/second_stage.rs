//! The second stage of debootstrap, which has packages set up by programs of their own: in a guest that can run them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::TRIM;
use crate::arch::Arch;
use crate::build;
use crate::cache::Cache;
use crate::process;
use crate::setup::{self, Machine};
use crate::vm::{Job, OnInterrupt, Root, Streams, Vm};

/// Prepares the tree of the first stage for the second: for a shell, with the root as `$0`. In a container debootstrap
/// leaves `/proc` as a link to itself until then, and nothing can be mounted on that. It looks through the list of
/// packages again and again, which takes an emulated processor minutes unless that is short.
pub(super) const PREPARE: &str = r#"set -e
cd "$0"
if [ -L proc ]; then
    rm proc
    mkdir proc
fi
names=$(cat debootstrap/required debootstrap/base | tr '\n' ' ')
for list in var/lib/apt/lists/*_Packages; do
    awk -v RS= -v ORS='\n\n' -v names="$names" \
        'BEGIN { count = split(names, all); while (count) wanted[all[count--]] } $2 in wanted' \
        "$list" >"$list.short"
    mv "$list.short" "$list"
done
"#;
/// The guest's kernel.
const KERNEL: &str = "6.12";
const MEMORY_MB: u32 = 2048;
/// It takes a quarter of an hour of a processor at most, but may have to share that.
const TIMEOUT: Duration = Duration::from_secs(3600);
/// How much of what was said an error shows.
const SHOWN_LINES: usize = 60;

/// A guest that runs the second stage, ready to boot.
pub(super) struct SecondStage {
    machine: Machine,
    init: PathBuf,
}

impl SecondStage {
    /// Provides what such a guest boots from.
    pub(super) fn prepare(cache: &Cache, arch: Arch) -> Result<Self> {
        let machine = setup::machine(cache, arch, &KERNEL.parse()?)?;
        let init = build::take(&mut build::guest_programs(arch, &["guest-init"])?, "guest-init")?;
        Ok(Self { machine, init })
    }

    /// Runs it on an image that has the first one.
    pub(super) fn run(&self, image: &Path) -> Result<()> {
        let script = format!(
            "set -e\n\
             exec >&2\n\
             /debootstrap/debootstrap --second-stage || {{ cat /debootstrap/debootstrap.log; exit 1; }}\n\
             {TRIM}\n"
        );
        let argv = ["sh", "-c", &script, "/"].map(str::to_owned).into();
        let job = Job { argv, ..Job::default() };
        let mut vm = Vm::new(self.machine.clone(), self.init.clone(), job);
        vm.root = Root::WritableDisk(image.into());
        // Packages are set up one after the other.
        vm.smp = 1;
        vm.memory_mb = MEMORY_MB;
        vm.timeout = Some(TIMEOUT);
        vm.on_interrupt = OnInterrupt::Kill;
        let mut said = Vec::new();
        let code = vm
            .run(Streams {
                stdout: Box::new(io::sink()),
                reader_gone: || false,
                stderr: &mut said,
                console: &mut io::sink(),
            })
            .context("running the second stage of debootstrap")?;
        let said = String::from_utf8_lossy(&said);
        let end = process::tail(&said, SHOWN_LINES);
        ensure!(code == 0, "the second stage of debootstrap ended with {code}:\n{end}");
        Ok(())
    }
}
