//! A Debian root file system on a disk image, for guests that need systemd or other tools.
//!
//! debootstrap unpacks the packages, and then has them set up by programs of their own. Where this machine cannot
//! run those, a guest of their architecture does: see [`second_stage`].

mod second_stage;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::arch::Arch;
use crate::cache::Cache;
use crate::process;
use crate::progress::Step;
use crate::setup::{apt, system};
use second_stage::SecondStage;

const RELEASE: &str = "trixie";
const PACKAGES: &[&str] = &[
    "systemd",
    "systemd-sysv",
    "dbus",
    "udev",
    "procps",
    "strace",
    "bpftrace",
    "libbpf-tools",
    "jq",
    "stress-ng",
    // Programs of others that are traced: see tests/src/bin/oracle-tests.
    "fzf",
    "gdb-minimal",
    "make",
    "python3-minimal",
    "sudo",
];
/// Room for the packages and for what a guest writes; the image is sparse.
const SIZE: &str = "3G";

/// Leaves out what no guest reads, and gives the guest a name: for a shell, with the root as `$0`.
const TRIM: &str = "cd \"$0\" && rm -rf var/cache/apt/archives/*.deb var/lib/apt/lists/* \
                    && echo sigtrace-guest >etc/hostname";

/// Makes the root image unless it is cached; the path of the ext4 image.
pub(crate) fn ensure(cache: &Cache, arch: Arch) -> Result<PathBuf> {
    let recipe = format!("{RELEASE} {SIZE} {}\n", PACKAGES.join(" "));
    let name = &format!("root/{arch}");
    let dir = match cache.get(name, &recipe) {
        Some(dir) => dir,
        None => {
            system::ensure(&[("debootstrap", "debootstrap"), ("mke2fs", "e2fsprogs")])?;
            let foreign = arch != Arch::of_host()?;
            // Before the cache is locked, as that takes entries of it, too.
            let second_stage = foreign.then(|| SecondStage::prepare(cache, arch)).transpose()?;
            let _lock = cache.lock()?;
            cache.entry(name, &recipe, |dir| {
                let image = dir.join("disk.ext4");
                make(cache, arch, second_stage.as_ref(), &image)
            })?
        }
    };
    Ok(dir.join("disk.ext4"))
}

/// Makes the image, with the second stage in a guest if there is one to run it.
fn make(cache: &Cache, arch: Arch, second_stage: Option<&SecondStage>, image: &Path) -> Result<()> {
    let time = if second_stage.is_some() { "ten" } else { "two" };
    let why = format!("Making a Debian {RELEASE} root image for {arch}, about {time} minutes");
    let step = Step::start(why.as_str());
    fill(cache, arch, second_stage.is_some(), &why, image).context("making the root image")?;
    if let Some(second_stage) = second_stage {
        second_stage.run(image)?;
    }
    step.done(&format!("{} MB", megabytes_on_disk(image)?));
    Ok(())
}

/// Makes the image as far as this machine can: all of it, or up to the first stage of a foreign one.
fn fill(cache: &Cache, arch: Arch, foreign: bool, why: &str, image: &Path) -> Result<()> {
    let scratch = cache.scratch()?;
    let tree = scratch.path().join("tree");
    let tree = process::text(&tree)?;
    let include = format!("--include={}", PACKAGES.join(","));
    let mirror = apt::mirror()?;
    let architecture = format!("--arch={}", arch.debian());
    let mut arguments = vec!["--variant=minbase", &architecture, &include];
    arguments.extend(foreign.then_some("--foreign"));
    arguments.extend([RELEASE, tree, &mirror]);
    let as_root = |program: &str, arguments: &[&str]| {
        process::quiet(&mut process::as_root(why, program, arguments)?)
    };
    let made = as_root("/usr/sbin/debootstrap", &arguments).and_then(|_| {
        as_root("sh", &["-c", if foreign { second_stage::PREPARE } else { TRIM }, tree])?;
        // A guest may have to write to it, which runs as us, while its files belong to root.
        File::create(image)?;
        as_root("/usr/sbin/mke2fs", &["-q", "-t", "ext4", "-d", tree, process::text(image)?, SIZE])
    });
    // So do those of the tree.
    as_root("rm", &["-rf", tree])?;
    made.map(drop)
}

fn megabytes_on_disk(path: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(fs::metadata(path)?.blocks() * 512 / 1_000_000)
}
