//! Debian's kernels, one folder each: the image and the modules a guest needs. They are those for
//! clouds unless it is said otherwise.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};

use super::apt::Suite;
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

/// The kernels everything is tested on.
pub(crate) const TESTED: [&str; 4] = ["5.10", "6.1", "6.12", "7"];

/// What the names of Debian's kernels end in: those for clouds, those for PCs.
const CLOUD: &str = "-cloud-amd64";
const PC: &str = "-amd64";

/// A kernel by major or major and minor version: `6.12`, or `7` for the newest 7.x; `6.12-amd64` is that
/// for PCs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version(String);

impl Version {
    /// The one for PCs of this version.
    pub(crate) fn for_pcs(&self) -> Self {
        Self(format!("{}{PC}", self.numbers()))
    }

    fn numbers(&self) -> &str {
        self.0.strip_suffix(PC).unwrap_or(&self.0)
    }

    /// What its name ends in.
    fn flavour(&self) -> &'static str {
        if self.0.ends_with(PC) { PC } else { CLOUD }
    }
}

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = if text == "newest" { "7" } else { text };
        let version = text.strip_suffix(PC).unwrap_or(text);
        let numbers = version.split('.').filter(|part| part.parse::<u8>().is_ok()).count();
        ensure!(
            numbers == version.split('.').count() && numbers <= 2,
            "'{text}' is no kernel version; use one of {} or newest",
            TESTED.join(", ")
        );
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
pub(crate) fn ensure(cache: &Cache, version: &Version) -> Result<Kernel> {
    let recipe = format!("{version} {}\n", MODULES.join(" "));
    let name = format!("kernels/{version}");
    let dir = match cache.get(&name, &recipe) {
        Some(dir) => dir,
        None => {
            let _lock = cache.lock()?;
            cache
                .entry(&name, &recipe, |dir| fetch(cache, version, dir))
                .with_context(|| format!("kernel {version} is not available"))?
        }
    };
    open(&dir)
}

fn fetch(cache: &Cache, version: &Version, dir: &Path) -> Result<()> {
    let step = Step::start(format!("Fetching Debian's kernel {version}"));
    let suite_name =
        RELEASES.iter().find(|(v, _)| *v == version.numbers()).map_or(BACKPORTS, |r| r.1);
    let suite = Suite::open(cache, suite_name)?;
    let names = suite.names("linux-")?;
    let release = newest(&names, version)
        .with_context(|| format!("Debian's {suite_name} has no kernel {version}"))?;
    let unpacked = cache.scratch()?;
    suite.unpack(&packages(&names, release), unpacked.path())?;
    keep(unpacked.path(), release, dir)?;
    step.done(release);
    Ok(())
}

/// The newest release of `version` among package names; the architecture suffix is part of it.
fn newest<'a>(names: &'a [String], version: &Version) -> Option<&'a str> {
    let releases = names.iter().filter_map(|name| name.strip_prefix("linux-image-"));
    let wanted = releases.filter(|release| {
        let numbers = release.strip_suffix(version.flavour());
        // Others have more in their names, such as `-rt`.
        let numbers = numbers.filter(|numbers| !numbers.contains('-') || is_of_old(numbers));
        let rest = numbers.and_then(|numbers| numbers.strip_prefix(version.numbers()));
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
    let modules = first(unpacked, &["lib/modules", "usr/lib/modules"])?.join(release);
    let image = unpacked.join("boot").join(format!("vmlinuz-{release}"));
    let image = if image.exists() { image } else { modules.join("vmlinuz") };
    fs::copy(&image, dir.join("vmlinuz"))
        .with_context(|| format!("no kernel image in the packages of {release}"))?;
    fs::write(dir.join("release"), release)?;
    fs::create_dir(dir.join("modules"))?;
    keep_modules(&modules.join("kernel"), &dir.join("modules"))
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

fn first(base: &Path, candidates: &[&str]) -> Result<PathBuf> {
    let found = candidates.iter().map(|name| base.join(name)).find(|path| path.is_dir());
    found.with_context(|| format!("none of {} in the packages", candidates.join(", ")))
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
        let newest = |text| newest(&names, &version(text));
        assert_eq!(newest("6.12"), Some("6.12.107+deb13-cloud-amd64"));
        assert_eq!(newest("6.1"), Some("6.1.0-50-cloud-amd64"));
        assert_eq!(newest("6"), Some("6.12.107+deb13-cloud-amd64"));
        assert_eq!(newest("7"), None);
        assert_eq!(newest("6.12-amd64"), Some("6.12.200+deb13-amd64"));
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
        assert_eq!(version("6.12-amd64"), version("6.12").for_pcs());
        for bad in ["", "6.", "6.1.2", "6.x", "latest", "../6"] {
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
