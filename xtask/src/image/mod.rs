//! A Debian root file system on a disk image, for guests that need systemd or other tools.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::arch::Arch;
use crate::cache::Cache;
use crate::process;
use crate::progress::Step;
use crate::setup::{apt, system};

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

/// Makes the root image unless it is cached; the path of the ext4 image.
pub(crate) fn ensure(cache: &Cache, arch: Arch) -> Result<PathBuf> {
    let host = Arch::of_host()?;
    ensure!(
        arch == host,
        "a root image is made by running the programs of its packages, which this machine ({host}) does not do for \
         {arch}; without --root and --systemd a guest needs none"
    );
    let recipe = format!("{RELEASE} {SIZE} {}\n", PACKAGES.join(" "));
    let name = &format!("root/{arch}");
    let dir = match cache.get(name, &recipe) {
        Some(dir) => dir,
        None => {
            system::ensure(&[("debootstrap", "debootstrap"), ("mke2fs", "e2fsprogs")])?;
            let _lock = cache.lock()?;
            cache.entry(name, &recipe, |dir| make(cache, arch, &dir.join("disk.ext4")))?
        }
    };
    Ok(dir.join("disk.ext4"))
}

fn make(cache: &Cache, arch: Arch, image: &Path) -> Result<()> {
    let why = format!("Making a Debian {RELEASE} root image for {arch}, about two minutes");
    let scratch = cache.scratch()?;
    let tree = scratch.path().join("tree");
    let tree = process::text(&tree)?;
    let include = format!("--include={}", PACKAGES.join(","));
    let mirror = apt::mirror()?;
    let architecture = format!("--arch={}", arch.debian());
    let debootstrap =
        ["--variant=minbase", &architecture, &include, RELEASE, tree, mirror.as_str()];
    let mut debootstrap = process::as_root(&why, "/usr/sbin/debootstrap", &debootstrap)?;
    let step = Step::start(why.as_str());
    let made = process::quiet(&mut debootstrap).and_then(|_| {
        trim(&why, tree)?;
        let args = ["-q", "-t", "ext4", "-d", tree, process::text(image)?, SIZE];
        process::quiet(&mut process::as_root(&why, "/usr/sbin/mke2fs", &args)?)
    });
    // Its files belong to root, who may not be us.
    process::quiet(&mut process::as_root(&why, "rm", &["-rf", tree])?)?;
    made.context("making the root image")?;
    step.done(&format!("{} MB", megabytes_on_disk(image)?));
    Ok(())
}

/// Leaves out what no guest reads, and gives the guest a name.
fn trim(why: &str, tree: &str) -> Result<()> {
    let script = "rm -rf \"$0\"/var/cache/apt/archives/*.deb \"$0\"/var/lib/apt/lists/* \
                  && echo sigtrace-guest >\"$0\"/etc/hostname";
    process::quiet(&mut process::as_root(why, "sh", &["-c", script, tree])?)?;
    Ok(())
}

fn megabytes_on_disk(path: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(fs::metadata(path)?.blocks() * 512 / 1_000_000)
}
