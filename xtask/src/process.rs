//! Running other programs: quietly while they succeed, with their output when they fail.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::interrupt;

/// How much of a failed program's output goes into the error: enough for a compiler's last words.
const SHOWN_LINES: usize = 80;

/// A [`Command`] that does not pass on what cargo set for xtask itself.
///
/// `cargo xtask` runs under one tool chain and starts cargo for others; the variables name ours.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let ours = ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN", "RUST_RECURSION_COUNT"];
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ours.contains(&&*name)
            || name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
        {
            command.env_remove(&*name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs to the end with output captured; a failure carries the end of that output.
pub(crate) fn quiet(command: &mut Command) -> Result<String> {
    let output = capture(command)?;
    if !output.status.success() {
        interrupt::check()?;
        let all = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&all);
        bail!("{} ended with {}:\n{}", show(command), output.status, tail(&text, SHOWN_LINES));
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} wrote invalid UTF-8", show(command)))
}

/// Runs to the end with output captured, whatever the status.
pub(crate) fn capture(command: &mut Command) -> Result<Output> {
    command.output().with_context(|| format!("cannot start {}", show(command)))
}

/// Whether a program runs and succeeds, its output thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as one would type it.
pub(crate) fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The last `lines` lines of `text`.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Whether xtask itself runs as root.
pub(crate) fn is_root() -> bool {
    // SAFETY: geteuid has no preconditions and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// A command that runs as root: itself when we are root, through sudo where that asks nothing.
///
/// The error is the exact command to run by hand, with the reason.
pub(crate) fn as_root(why: &str, program: &str, args: &[&str]) -> Result<Command> {
    let mut root = if is_root() {
        command(program)
    } else if succeeds(command("sudo").args(["-n", "true"])) {
        let mut sudo = command("sudo");
        sudo.args(["-n", "DEBIAN_FRONTEND=noninteractive", program]);
        sudo
    } else {
        bail!("{why}, which needs root; please run:\n\n    sudo {program} {}\n", args.join(" "));
    };
    root.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(root)
}

/// A path as text for a command line or a configuration file.
pub(crate) fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_keeps_the_end() {
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }

    #[test]
    fn a_failure_says_what_the_program_said() {
        let error = quiet(command("sh").args(["-c", "echo no such thing >&2; exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no such thing") && error.contains('3'), "{error}");
    }
}
