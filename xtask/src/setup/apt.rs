//! Packages of any Debian release, fetched with the machine's own apt and mirror into the cache,
//! without touching what is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::system;
use crate::arch::Arch;
use crate::cache::Cache;
use crate::process;

const MIRROR_VARIABLE: &str = "SIGTRACE_DEBIAN_MIRROR";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One Debian release as an apt of its own sees it.
pub(crate) struct Suite {
    config: PathBuf,
    name: String,
}

impl Suite {
    /// Prepares apt for the release called `name` and fetches its list of packages for `arch`.
    pub(crate) fn open(cache: &Cache, name: &str, arch: Arch) -> Result<Self> {
        for tool in ["apt-get", "dpkg-deb"] {
            ensure!(
                which::which(tool).is_ok(),
                "no {tool} here, and Debian's kernels come as Debian packages; \
                 please run this on Debian or Ubuntu"
            );
        }
        let dir = cache.path("apt").join(arch.name()).join(name);
        for sub in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(dir.join(sub))
                .with_context(|| format!("creating {}", dir.join(sub).display()))?;
        }
        let config = dir.join("apt.conf");
        fs::write(&config, configuration(process::text(&dir)?, arch.debian()))?;
        fs::write(dir.join("sources.list"), source(&mirror()?, name, arch.debian()))?;
        system::ensure(&[(KEYRING, "debian-archive-keyring")])?;
        let suite = Self { config, name: name.into() };
        process::quiet(suite.apt("apt-get").args(["--quiet", "update"])).with_context(|| {
            format!(
                "reading the package list of Debian's {name}; if its signature cannot be checked, \
                 a newer debian-archive-keyring is needed; if this mirror has no {name}, set \
                 {MIRROR_VARIABLE} to the URL of one that has"
            )
        })?;
        Ok(suite)
    }

    /// The names of all packages that begin with `prefix`.
    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let names = process::quiet(self.apt("apt-cache").args(["pkgnames", prefix]))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Downloads `packages` and unpacks them into `into`.
    pub(crate) fn unpack(&self, packages: &[String], into: &Path) -> Result<()> {
        let debs = tempfile::tempdir().context("creating a folder for packages")?;
        let mut download = self.apt("apt-get");
        download.args(["--quiet", "download"]).args(packages).current_dir(debs.path());
        process::quiet(&mut download)
            .with_context(|| format!("downloading {} from {}", packages.join(", "), self.name))?;
        for deb in fs::read_dir(debs.path())? {
            process::quiet(
                process::command("dpkg-deb").arg("--extract").arg(deb?.path()).arg(into),
            )?;
        }
        Ok(())
    }

    fn apt(&self, program: &str) -> Command {
        let mut apt = process::command(program);
        apt.arg("--config-file").arg(&self.config);
        apt
    }
}

/// The Debian mirror: the user's choice, else what this machine's apt uses.
pub(crate) fn mirror() -> Result<String> {
    if let Ok(url) = std::env::var(MIRROR_VARIABLE) {
        return Ok(url);
    }
    // apt itself reads both kinds of source files, and resolves what is in them.
    let format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
    let targets = process::quiet(process::command("apt-get").args([
        "indextargets",
        "--format",
        format,
        "Identifier: Packages",
    ]))
    .context("asking apt for this machine's package sources")?;
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let codename = os_release_field(&release, "VERSION_CODENAME");
    let is_debian = os_release_field(&release, "ID") == Some("debian");
    match pick_mirror(&targets, codename).filter(|_| is_debian) {
        Some(uri) => first_of_list(uri),
        None => bail!(
            "this machine's apt sources name no Debian mirror; \
             set {MIRROR_VARIABLE} to the URL of one and try again"
        ),
    }
}

/// Cloud images point apt to a list of mirrors in a file; not everything that needs one can.
fn first_of_list(uri: &str) -> Result<String> {
    let Some(file) = uri.strip_prefix("mirror+file:") else {
        return Ok(uri.into());
    };
    let file = file.trim_end_matches('/');
    let list = fs::read_to_string(file).with_context(|| format!("reading mirrors from {file}"))?;
    let first = list.split_whitespace().next();
    first.map(str::to_owned).with_context(|| format!("{file} names no mirror"))
}

/// Finds the archive that serves this machine's release in apt's list of "URI release component".
fn pick_mirror<'a>(targets: &'a str, codename: Option<&str>) -> Option<&'a str> {
    let rolling = ["stable", "oldstable", "testing", "unstable", "sid"];
    targets.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let (uri, release, component) = (fields.next()?, fields.next()?, fields.next()?);
        let ours = Some(release) == codename || rolling.contains(&release);
        (ours && component == "main").then_some(uri)
    })
}

fn os_release_field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"'))
}

fn source(mirror: &str, suite: &str, architecture: &str) -> String {
    format!("deb [arch={architecture} signed-by={KEYRING}] {mirror} {suite} main\n")
}

/// Everything apt would read or write of this machine, pointed into `dir`; proxies stay as set up.
fn configuration(dir: &str, architecture: &str) -> String {
    format!(
        r#"#clear APT::Update;
#clear APT::Architectures;
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "3";
Dir::Etc::sourcelist "{dir}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "{dir}/lists";
Dir::State::status "/dev/null";
Dir::Cache "{dir}";
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_serves_this_release_and_is_no_third_party() {
        let targets = "https://tools.test/apt bookworm stable\n\
                       http://pg.test/ bookworm-pgdg main\n\
                       http://updates.test/debian/ bookworm-updates main\n\
                       http://main.test/debian/ bookworm contrib\n\
                       http://main.test/debian/ bookworm main\n\
                       http://sec.test/debian-security/ bookworm-security main\n";
        assert_eq!(pick_mirror(targets, Some("bookworm")), Some("http://main.test/debian/"));
        assert_eq!(pick_mirror(targets, Some("trixie")), None);
        assert_eq!(
            pick_mirror("http://m.test/debian sid main", None),
            Some("http://m.test/debian")
        );
        assert_eq!(pick_mirror("", None), None);
    }

    #[test]
    fn os_release_fields_with_and_without_quotes() {
        let text = "ID=debian\nVERSION_CODENAME=\"trixie\"\n";
        assert_eq!(os_release_field(text, "ID"), Some("debian"));
        assert_eq!(os_release_field(text, "VERSION_CODENAME"), Some("trixie"));
        assert_eq!(os_release_field(text, "VERSION"), None);
    }

    #[test]
    fn a_mirror_list_in_a_file_is_resolved() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "http://first.test/debian\nhttp://second.test/debian\n").unwrap();
        let uri = format!("mirror+file:{}/", file.path().display());
        assert_eq!(first_of_list(&uri).unwrap(), "http://first.test/debian");
        assert_eq!(first_of_list("http://m.test/debian/").unwrap(), "http://m.test/debian/");
    }
}
