//! Where the standard streams lead.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::MetadataExt as _,
    },
};

/// Whether who reads standard output reads standard error in it, and is no person at a terminal: they are
/// the same file, or both are the journal.
pub(crate) fn are_one() -> bool {
    let (out, err) = (io::stdout(), io::stderr());
    let journal = env::var("JOURNAL_STREAM").ok();
    let is_journal = |file| journal.is_some() && journal == number(file);
    !out.is_terminal()
        && (are_same(out.as_fd(), err.as_fd())
            || is_journal(out.as_fd()) && is_journal(err.as_fd()))
}

fn are_same(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    number(one).is_some_and(|number| Some(number) == self::number(other))
}

/// The device and the number of what is open, as in `$JOURNAL_STREAM` (`systemd.exec(5)`).
fn number(file: BorrowedFd<'_>) -> Option<String> {
    let meta = File::from(file.try_clone_to_owned().ok()?).metadata().ok()?;
    Some(format!("{}:{}", meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_the_same_as_itself_and_no_other() {
        let (reader, one) = io::pipe().unwrap();
        let (_other_reader, other) = io::pipe().unwrap();
        let again = one.try_clone().unwrap();
        assert!(are_same(one.as_fd(), again.as_fd()));
        assert!(are_same(one.as_fd(), reader.as_fd()));
        assert!(!are_same(one.as_fd(), other.as_fd()));
    }
}
