//! Workloads in parts, the next of which begins when the test says so.
//!
//! An empty line ends what is stated of a part. A line of standard input begins the next, its end
//! means that there is no more to do.

use std::io::{self, Write as _};

/// Ends a part, and waits to be told what comes. Whether there is to be another.
pub(crate) fn is_to_go_on() -> bool {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(b"\n").and_then(|()| stdout.flush());
    written.unwrap_or_else(|error| panic!("cannot end a part: {error}"));
    io::stdin().read_line(&mut String::new()).is_ok_and(|length| length > 0)
}
