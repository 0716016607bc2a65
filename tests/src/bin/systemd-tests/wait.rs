//! Waiting for what happens soon, but not at once.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Long enough for the slowest of emulated machines.
const LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(50);

/// Looks again and again until there is something to see; `what` is for the error.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > LIMIT {
            bail!("waited {LIMIT:?} in vain until {what}");
        }
        thread::sleep(PAUSE);
    }
}

/// Looks again and again until the value is the one expected, or shows the difference.
pub(crate) fn until_equal<T: PartialEq + std::fmt::Debug>(
    expected: &T,
    mut look: impl FnMut() -> Result<T>,
) -> Result<()> {
    let mut last = None;
    let found = until("equal", || {
        last = Some(look()?);
        Ok((last.as_ref() == Some(expected)).then_some(()))
    });
    if found.is_err() {
        assert_eq!(last.as_ref(), Some(expected), "and it stayed so for {LIMIT:?}");
    }
    found
}
