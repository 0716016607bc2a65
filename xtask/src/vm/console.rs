//! What the guest's console says: kernel messages, and lines that the guest's init marks for us.

/// The marks, as `tests/src/bin/guest-init` writes them.
const START: &str = "SIGTRACE-GUEST-START";
const STDERR: &str = "SIGTRACE-GUEST-STDERR ";
const EXIT: &str = "SIGTRACE-GUEST-EXIT ";
const PANIC: &str = "Kernel panic - not syncing";

/// The meaning of one console line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// The job is about to run.
    Start,
    /// A line the job wrote to its standard error.
    Stderr(&'a str),
    /// The job's exit code: the one result line.
    Exit(i32),
    /// The kernel has given up.
    Panic,
    /// Anything else.
    Other,
}

/// Tells what a console line means.
pub(crate) fn parse(line: &str) -> Line<'_> {
    if line == START {
        Line::Start
    } else if let Some(text) = line.strip_prefix(STDERR) {
        Line::Stderr(text)
    } else if let Some(code) = line.strip_prefix(EXIT).and_then(|code| code.parse().ok()) {
        Line::Exit(code)
    } else if line.contains(PANIC) {
        Line::Panic
    } else {
        Line::Other
    }
}

/// A console line as text: terminal controls and the firmware's escape sequences left out.
pub(crate) fn clean(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    text.trim_end_matches(['\r', '\n']).chars().filter(|c| *c == '\t' || !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_exactly_that() {
        assert_eq!(parse("SIGTRACE-GUEST-EXIT 0"), Line::Exit(0));
        assert_eq!(parse("SIGTRACE-GUEST-EXIT 137"), Line::Exit(137));
        for other in ["SIGTRACE-GUEST-EXIT", "SIGTRACE-GUEST-EXIT x", "# SIGTRACE-GUEST-EXIT 0"] {
            assert_eq!(parse(other), Line::Other, "{other}");
        }
    }

    #[test]
    fn marks_and_panics_are_told_from_noise() {
        assert_eq!(parse("SIGTRACE-GUEST-START"), Line::Start);
        assert_eq!(parse("SIGTRACE-GUEST-STDERR  lost: 0"), Line::Stderr(" lost: 0"));
        assert_eq!(parse("[    1.0] Kernel panic - not syncing: Attempted to kill"), Line::Panic);
        assert_eq!(parse("[    1.0] Run /init as init process"), Line::Other);
    }

    #[test]
    fn clean_drops_controls() {
        assert_eq!(clean(b"\x1bcok\tthen\xff\r\n"), "cok\tthen\u{fffd}");
    }
}
