//! What the kernel says when it refuses a program, or to attach one. The verifier says it in pages,
//! which belong in a file.

use std::{
    env, fs::OpenOptions, io, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf,
    process,
};

use anyhow::{Context as _, Result, anyhow};

use super::sys::Refused;

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The kernel's error.
    pub(super) errno: Option<i32>,
    /// All of it, for people.
    pub(super) error: anyhow::Error,
}

/// A program for `what` is refused.
pub(super) fn of_program(refused: Refused, what: &str) -> Refusal {
    let Refused { error, log } = refused;
    let errno = error.raw_os_error();
    // What the verifier says is no matter of privileges, whatever the number of its error.
    let denied = log.trim().is_empty() && is_denial(&error);
    let refused = anyhow!(error);
    let refused = if log.trim().is_empty() {
        refused.context("the kernel refused to load the program")
    } else {
        refused.context(match save(&log) {
            Ok(path) => {
                format!("the verifier rejected the program; its log is in {}", path.display())
            }
            Err(error) => format!(
                "the verifier rejected the program, and its log cannot be saved ({error:#}); the log \
                 ends: {}",
                log.lines().rev().find(|line| !line.is_empty()).unwrap_or_default()
            ),
        })
    };
    Refusal { errno, error: explain(refused, denied, what) }
}

/// Attaching a program to `what` is refused.
pub(super) fn of_link(error: io::Error, what: &str) -> Refusal {
    let (errno, denied) = (error.raw_os_error(), is_denial(&error));
    Refusal { errno, error: explain(anyhow!(error), denied, what) }
}

/// Adds what may be behind it.
fn explain(error: anyhow::Error, denied: bool, what: &str) -> anyhow::Error {
    let error = error.context(format!("cannot probe {what}"));
    if denied {
        error.context("the kernel denied permission: see `sigtrace doctor`")
    } else {
        error
    }
}

fn is_denial(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Writes a file that was not there before and nobody else reads: the folder may be anybody's.
fn save(log: &str) -> Result<PathBuf> {
    for attempt in 0..100 {
        let name = format!("sigtrace-verifier-{}-{attempt}.log", process::id());
        let path = env::temp_dir().join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut file = match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            file => file.with_context(|| format!("cannot create {}", path.display()))?,
        };
        file.write_all(log.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        return Ok(path);
    }
    Err(anyhow!("there are too many such files"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    #[test]
    fn what_the_verifier_says_is_in_the_file_that_the_error_names() {
        let log = "0: R1=ctx() R10=fp0\nunknown func bpf_probe_read_kernel#113\n".to_owned();
        let refused =
            Refused { error: io::Error::from_raw_os_error(libc::EINVAL), log: log.clone() };
        let refusal = of_program(refused, "kill");
        let text = format!("{:#}", refusal.error);
        let path = text.split(" in ").nth(1).and_then(|rest| rest.split(": ").next()).unwrap();
        assert_eq!(
            text,
            format!(
                "cannot probe kill: the verifier rejected the program; its log is in {path}: Invalid \
                 argument (os error 22)"
            )
        );
        assert_eq!(refusal.errno, Some(libc::EINVAL));
        assert_eq!(fs::read_to_string(path).unwrap().trim(), log.trim());
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        // A file that somebody has put there is left alone.
        let next = save("something else").unwrap();
        assert_ne!(next, PathBuf::from(path));
        fs::remove_file(next).unwrap();
        fs::remove_file(path).unwrap();
    }
}
