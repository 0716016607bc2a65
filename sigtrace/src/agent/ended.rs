//! How the command after `--` ended, or why it did not begin, and the exit status that tells of it.

use std::io;

use thiserror::Error;

use crate::names::signal;

/// Exit status of a command that could not be executed, as of a shell, env(1) and timeout(1) …
const CANNOT_EXECUTE: u8 = 126;
/// … and of one that was not found.
const NOT_FOUND: u8 = 127;
/// What a shell adds to the number of the signal that killed a command.
pub(crate) const KILLED: u8 = 128;

/// The command could not be executed.
#[derive(Debug, Error)]
#[error("cannot run {name}: {reason}")]
pub struct CannotRun {
    /// The command's name.
    pub(crate) name: String,
    /// What execve(2) said.
    pub(crate) reason: io::Error,
}

impl CannotRun {
    /// The exit status that tells so.
    #[must_use]
    pub fn status(&self) -> u8 {
        if self.reason.raw_os_error() == Some(libc::ENOENT) { NOT_FOUND } else { CANNOT_EXECUTE }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this exit status.
    Exited(u8),
    /// By this signal.
    Killed {
        /// Its number.
        signo: i32,
        /// Whether a core was dumped.
        core_dumped: bool,
    },
}

impl Ended {
    /// What wait(2) says in `status` of a process that has ended.
    pub(crate) fn of(status: libc::c_int) -> Self {
        if libc::WIFSIGNALED(status) {
            let (signo, core_dumped) = (libc::WTERMSIG(status), libc::WCOREDUMP(status));
            Self::Killed { signo, core_dumped }
        } else {
            Self::Exited(libc::WEXITSTATUS(status) as u8)
        }
    }

    /// The exit status as a shell would have it.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Exited(status) => status,
            Self::Killed { signo, .. } => KILLED + signo as u8,
        }
    }

    /// What there is to say of it beside the status, of a process of this name.
    pub(crate) fn remark(self, name: &str) -> Option<String> {
        let Self::Killed { signo, core_dumped } = self else { return None };
        let signal = signal::name(signo).map_or_else(|| format!("signal {signo}"), str::to_owned);
        let core = if core_dumped { " (core dumped)" } else { "" };
        Some(format!("{name} was killed by {signal}{core}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As wait(2) has it (`bits/waitstatus.h`).
    const CORE_DUMPED: i32 = 0x80;

    #[test]
    fn a_command_that_exits_passes_its_status_on_without_a_remark() {
        for status in [0, 3, 127, 255] {
            let ended = Ended::of(i32::from(status) << 8);
            assert_eq!((ended.status(), ended.remark("sleep")), (status, None));
        }
    }

    #[test]
    fn a_command_that_is_killed_has_the_status_of_a_shell_and_the_signal_by_name() {
        for (wait_status, status, remark) in [
            (libc::SIGTERM, 143, "sleep was killed by SIGTERM"),
            (libc::SIGSEGV | CORE_DUMPED, 139, "sleep was killed by SIGSEGV (core dumped)"),
            (37, 165, "sleep was killed by SIGRTMIN+3"),
        ] {
            let ended = Ended::of(wait_status);
            assert_eq!((ended.status(), ended.remark("sleep")), (status, Some(remark.to_owned())));
        }
    }

    #[test]
    fn a_command_that_is_not_there_is_told_from_one_that_cannot_be_executed() {
        for (errno, status) in
            [(libc::ENOENT, 127), (libc::EACCES, 126), (libc::ENOEXEC, 126), (libc::ENOTDIR, 126)]
        {
            let reason = io::Error::from_raw_os_error(errno);
            assert_eq!(CannotRun { name: "x".to_owned(), reason }.status(), status, "{errno}");
        }
    }
}
