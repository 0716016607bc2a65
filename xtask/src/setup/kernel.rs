//! Debian's kernels, one folder each: the image and the modules a guest needs. They are those for
//! clouds unless it is said otherwise.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};

use super::apt::Suite;
use crate::arch::Arch;
use crate::cache::Cache;
use crate::progress::Step;

/// Modules a guest with a disk may need, in an order that suits most kernels. What a kernel has
/// built in is not there as a module, and so not kept.
const MODULES: &[&str] = &[
    "virtio",
    "virtio_ring",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_blk",
];

/// Debian releases whose own kernel is asked for; every other version comes from backports.
const RELEASES: &[(&str, &str)] = &[("5.10", "bullseye"), ("6.1", "bookworm"), ("6.12", "trixie")];
const BACKPORTS: &str = "trixie-backports";

/// A kernel by major or major and minor version: `6.12`, or `7` for the newest 7.x, with the flavour if it is
/// not that for clouds: `6.12-amd64` is for PCs, `6.12-arm64-16k` has pages of 16 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: String,
    flavour: Option<String>,
}

impl Version {
    /// The one for PCs of this version.
    pub(crate) fn for_pcs(&self, arch: Arch) -> Self {
        Self { numbers: self.numbers.clone(), flavour: Some(arch.debian().into()) }
    }

    /// What the names of its packages end in.
    fn suffix(&self, arch: Arch) -> String {
        match &self.flavour {
            Some(flavour) => format!("-{flavour}"),
            None => format!("-cloud-{}", arch.debian()),
        }
    }

    /// The Debian release that it comes from.
    fn suite(&self) -> &'static str {
        RELEASES.iter().find(|(version, _)| *version == self.numbers).map_or(BACKPORTS, |r| r.1)
    }
}

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = if text == "newest" { "7" } else { text };
        let (version, flavour) = match text.split_once('-') {
            Some((version, flavour)) => (version, Some(flavour.to_owned())),
            None => (text, None),
        };
        let numbers = version.split('.').filter(|part| part.parse::<u8>().is_ok()).count();
        ensure!(
            numbers == version.split('.').count() && numbers <= 2,
            "'{text}' is no kernel version; use one as 6.12, 7 for the newest 7.x, or newest"
        );
        let is_flavour = |text: &String| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        ensure!(flavour.as_ref().is_none_or(is_flavour), "'{text}' names no flavour of a kernel");
        Ok(Self { numbers: version.into(), flavour })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.numbers)?;
        self.flavour.iter().try_for_each(|flavour| write!(f, "-{flavour}"))
    }
}

/// What is asked for on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// One version.
    One(Version),
    /// All that Debian has.
    All,
}

impl FromStr for Asked {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

/// Every version that Debian's releases have for clouds, the oldest first.
pub(crate) fn all(cache: &Cache, arch: Arch) -> Result<Vec<Version>> {
    let mut versions = Vec::new();
    for suite in RELEASES.iter().map(|(_, suite)| *suite).chain([BACKPORTS]) {
        versions.extend(offered(&Suite::open(cache, suite, arch)?.names("linux-")?, arch));
    }
    versions.sort_by_key(|version| numbers(&version.numbers));
    versions.dedup();
    Ok(versions)
}

/// The versions among the names of packages.
fn offered(names: &[String], arch: Arch) -> Vec<Version> {
    let suffix = format!("-cloud-{}", arch.debian());
    let releases = names
        .iter()
        .filter_map(|name| name.strip_prefix("linux-image-")?.strip_suffix(suffix.as_str()));
    let minor = |release: &str| {
        let (major, rest) = release.split_once('.')?;
        let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        format!("{major}.{minor}").parse().ok()
    };
    releases.filter_map(minor).collect()
}

/// A kernel ready to boot.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    /// What it is, as `uname -r` prints it.
    pub(crate) release: String,
    /// The compressed kernel image.
    pub(crate) image: PathBuf,
    /// Modules to load, in this order.
    pub(crate) modules: Vec<PathBuf>,
}

/// Fetches a kernel unless it is cached.
pub(crate) fn ensure(cache: &Cache, arch: Arch, version: &Version) -> Result<Kernel> {
    let recipe = format!("{version} {}\n", MODULES.join(" "));
    let name = format!("kernels/{arch}/{version}");
    let dir = match cache.get(&name, &recipe) {
        Some(dir) => dir,
        None => {
            let _lock = cache.lock()?;
            cache
                .entry(&name, &recipe, |dir| fetch(cache, arch, version, dir))
                .with_context(|| format!("kernel {version} for {arch} is not available"))?
        }
    };
    open(&dir)
}

fn fetch(cache: &Cache, arch: Arch, version: &Version, dir: &Path) -> Result<()> {
    let step = Step::start(format!("Fetching Debian's kernel {version} for {arch}"));
    let suite = Suite::open(cache, version.suite(), arch)?;
    let names = suite.names("linux-")?;
    let release = newest(&names, version, arch)
        .with_context(|| format!("Debian's {} has no kernel {version}", version.suite()))?;
    let unpacked = cache.scratch()?;
    suite.unpack(&packages(&names, release), unpacked.path())?;
    keep(unpacked.path(), release, dir)?;
    step.done(release);
    Ok(())
}

/// The newest release of `version` among package names; the architecture suffix is part of it.
fn newest<'a>(names: &'a [String], version: &Version, arch: Arch) -> Option<&'a str> {
    let suffix = version.suffix(arch);
    let releases = names.iter().filter_map(|name| name.strip_prefix("linux-image-"));
    let wanted = releases.filter(|release| {
        let numbers = release.strip_suffix(suffix.as_str());
        // Others have more in their names, such as `-rt`.
        let numbers = numbers.filter(|numbers| !numbers.contains('-') || is_of_old(numbers));
        let rest = numbers.and_then(|numbers| numbers.strip_prefix(version.numbers.as_str()));
        rest.is_some_and(|rest| rest.starts_with('.'))
    });
    wanted.max_by_key(|release| numbers(release))
}

/// Whether the last of the numbers in a release is that of its binary interface, as up to 6.1: `6.1.0-50`.
fn is_of_old(numbers: &str) -> bool {
    numbers.rsplit('-').next().is_some_and(|last| last.parse::<u32>().is_ok())
}

/// The numbers in a release, which order it: 6.12.107+deb13 is newer than 6.12.94+deb13.
fn numbers(release: &str) -> Vec<u64> {
    release.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The packages of a release. From 7.x the image is split and `linux-image` only ties the parts.
fn packages(names: &[String], release: &str) -> Vec<String> {
    let all = ["image", "binary", "modules"].map(|part| format!("linux-{part}-{release}"));
    all.into_iter().filter(|name| names.contains(name)).collect()
}

/// Copies out of unpacked packages what is kept of them.
fn keep(unpacked: &Path, release: &str, dir: &Path) -> Result<()> {
    let folders =
        ["lib/modules", "usr/lib/modules"].map(|folder| unpacked.join(folder).join(release));
    let modules = folders.into_iter().find(|folder| folder.is_dir());
    let mut image = unpacked.join("boot").join(format!("vmlinuz-{release}"));
    if let Some(modules) = modules.as_ref().filter(|_| !image.exists()) {
        image = modules.join("vmlinuz");
    }
    fs::copy(&image, dir.join("vmlinuz"))
        .with_context(|| format!("no kernel image in the packages of {release}"))?;
    fs::write(dir.join("release"), release)?;
    fs::create_dir(dir.join("modules"))?;
    // Of kernels that a newer one has replaced Debian can have the image and no modules. It boots without a disk.
    match modules {
        Some(modules) => keep_modules(&modules.join("kernel"), &dir.join("modules")),
        None => Ok(()),
    }
}

fn keep_modules(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            keep_modules(&path, to)?;
        } else if let Some(order) = module_order(&path) {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            fs::copy(&path, to.join(format!("{order:02}-{file}")))?;
        }
    }
    Ok(())
}

/// Where a module file comes in the order of loading, if it is one we want.
fn module_order(path: &Path) -> Option<usize> {
    let name = path.file_name()?.to_str()?;
    let (stem, _compression) = name.split_once(".ko")?;
    MODULES.iter().position(|module| *module == stem)
}

fn open(dir: &Path) -> Result<Kernel> {
    let release = fs::read_to_string(dir.join("release"))?;
    let mut modules = fs::read_dir(dir.join("modules"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    modules.sort();
    let image = dir.join("vmlinuz");
    if !image.exists() {
        bail!("{} is missing; remove {} and try again", image.display(), dir.display());
    }
    Ok(Kernel { release, image, modules })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).into()).collect()
    }

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn newest_compares_numbers_not_text() {
        let names = names(&[
            "linux-image-6.12.94+deb13-cloud-amd64",
            "linux-image-6.12.107+deb13-cloud-amd64",
            "linux-image-6.12.107+deb13-cloud-amd64-dbg",
            "linux-image-6.12.200+deb13-amd64",
            "linux-image-6.12.300+deb13-rt-amd64",
            "linux-image-6.1.0-50-cloud-amd64",
        ]);
        let newest = |text| newest(&names, &version(text), Arch::X86_64);
        assert_eq!(newest("6.12"), Some("6.12.107+deb13-cloud-amd64"));
        assert_eq!(newest("6.1"), Some("6.1.0-50-cloud-amd64"));
        assert_eq!(newest("6"), Some("6.12.107+deb13-cloud-amd64"));
        assert_eq!(newest("7"), None);
        assert_eq!(newest("6.12-amd64"), Some("6.12.200+deb13-amd64"));
    }

    #[test]
    fn what_debian_offers_is_told_by_minor_versions() {
        let names = names(&[
            "linux-image-6.18.5+deb13-cloud-arm64",
            "linux-image-6.18.9+deb13-cloud-arm64",
            "linux-image-6.1.0-50-cloud-arm64",
            "linux-image-6.1.0-50-cloud-arm64-unsigned",
            "linux-image-7.0.4+deb13-arm64-16k",
        ]);
        let offered = offered(&names, Arch::Aarch64);
        assert_eq!(offered, [version("6.18"), version("6.18"), version("6.1")]);
    }

    #[test]
    fn split_packages_are_all_fetched() {
        let release = "7.3.4+deb13-cloud-amd64";
        let split = ["image", "binary", "modules"].map(|p| format!("linux-{p}-{release}"));
        assert_eq!(packages(&split, release), split);
        assert_eq!(packages(&split[..1], release), split[..1]);
    }

    #[test]
    fn versions_are_numbers_or_newest() {
        assert_eq!(version("newest"), version("7"));
        assert_eq!(version("7.3").to_string(), "7.3");
        assert_eq!(version("6.12-amd64"), version("6.12").for_pcs(Arch::X86_64));
        assert_eq!(version("6.12-arm64-16k").suffix(Arch::Aarch64), "-arm64-16k");
        assert_eq!(version("6.12").suffix(Arch::Aarch64), "-cloud-arm64");
        for bad in ["", "6.", "6.1.2", "6.x", "latest", "../6", "6.12-", "6.12-../x"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }

    #[test]
    fn modules_are_known_by_name_whatever_their_compression() {
        assert_eq!(module_order(Path::new("a/virtio.ko")), Some(0));
        assert_eq!(module_order(Path::new("a/virtio_blk.ko.xz")), Some(5));
        assert_eq!(module_order(Path::new("a/virtio_net.ko.xz")), None);
        assert_eq!(module_order(Path::new("a/virtio")), None);
    }
}
