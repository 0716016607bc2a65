//! Programs that come from the distribution's own packages.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::progress::Step;

/// Installs the packages whose program, or file by its whole path, is missing; given as
/// (program, package).
pub(crate) fn ensure(wanted: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if which::which("apt-get").is_err() {
        bail!("missing: {list} (Debian's package names); please install with your package manager");
    }
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(["--option", "DPkg::Lock::Timeout=600"]);
    install.extend(&missing);
    let why = format!("Installing {list}");
    let mut install = process::as_root(&why, "apt-get", &install)?;
    let step = Step::start(why.as_str());
    process::quiet(&mut process::as_root(&why, "apt-get", &["update"])?)
        .context("updating apt's package lists")?;
    process::quiet(&mut install)?;
    step.done("done");
    Ok(())
}

fn is_there(program: &str) -> bool {
    // Administrators' programs are not on everybody's PATH.
    let dirs = ["/usr/sbin", "/sbin"].map(Path::new);
    // An absolute path takes the place of what it is joined to.
    which::which(program).is_ok() || dirs.iter().any(|dir| dir.join(program).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name_and_files_by_path() {
        assert!(is_there("sh") && is_there("/etc/passwd"));
        assert!(!is_there("no-such-program") && !is_there("/no/such/file"));
    }
}
