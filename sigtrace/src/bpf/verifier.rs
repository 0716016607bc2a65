//! What the verifier says of a program that it refuses: pages, which belong in a file.

use std::{
    env, fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf, process,
};

use anyhow::{Context as _, anyhow};
use aya::programs::ProgramError;

/// The error, with what the verifier said put into a file that it names.
pub(super) fn shorten(error: ProgramError) -> anyhow::Error {
    let ProgramError::LoadError { io_error, verifier_log } = error else { return anyhow!(error) };
    let log = verifier_log.to_string();
    let refused = anyhow!(io_error);
    if log.trim().is_empty() {
        return refused.context("the kernel refuses to load the program");
    }
    refused.context(match save(&log) {
        Ok(path) => format!("the verifier refuses the program; it says why in {}", path.display()),
        Err(error) => format!(
            "the verifier refuses the program, and what it says cannot be saved ({error:#}); it ends: {}",
            log.lines().rev().find(|line| !line.is_empty()).unwrap_or_default()
        ),
    })
}

/// Writes a file that was not there before and nobody else reads: the folder may be anybody's.
fn save(log: &str) -> anyhow::Result<PathBuf> {
    let path = env::temp_dir().join(format!("sigtrace-verifier-{}.log", process::id()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = file.with_context(|| format!("cannot create {}", path.display()))?;
    file.write_all(log.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io, os::unix::fs::PermissionsExt as _};

    #[test]
    fn what_the_verifier_says_is_in_the_file_that_the_error_names() {
        let log = "0: R1=ctx() R10=fp0\nunknown func bpf_probe_read_kernel#113\n".to_owned();
        let error = ProgramError::LoadError {
            io_error: io::Error::from_raw_os_error(libc::EINVAL),
            verifier_log: aya_obj::VerifierLog::new(log.clone()),
        };
        let text = format!("{:#}", shorten(error));
        let path = text.split(" in ").nth(1).and_then(|rest| rest.split(": ").next()).unwrap();
        assert_eq!(
            text,
            format!(
                "the verifier refuses the program; it says why in {path}: Invalid argument (os error 22)"
            )
        );
        assert_eq!(fs::read_to_string(path).unwrap().trim(), log.trim());
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        // A file that somebody has put there is left alone.
        assert!(save("something else").is_err());
        fs::remove_file(path).unwrap();
    }
}
