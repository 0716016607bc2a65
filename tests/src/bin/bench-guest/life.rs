//! What the life of a process costs, from its fork to when its parent has waited for it: all of it, the parent's
//! part and its own.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::clock::now;

/// Executed so, we end at once.
pub(crate) const NOTHING: &str = "nothing";
const OURSELVES: &str = "/payload/bench-guest";

/// Lives that nobody looks at, and lives that count. The kernel looks longer for a process once there have been
/// 4096 of them, so all rows together have to do with fewer.
const WARM_UP: usize = 5;
const LIVES: usize = 100;

/// The instructions of a life: the least of some, as in most of them something else runs as well.
pub(crate) fn measure() -> Result<u64> {
    // What it costs to map a program depends on where it is.
    // SAFETY: no memory is involved.
    let before = unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) };
    ensure!(before >= 0, "addresses stay at random");
    for _ in 0..WARM_UP {
        live()?;
    }
    let mut least = u64::MAX;
    for _ in 0..LIVES {
        let start = now();
        live()?;
        least = least.min(now() - start);
    }
    Ok(least)
}

fn live() -> Result<()> {
    let status = Command::new(OURSELVES).arg(NOTHING).status().context(OURSELVES)?;
    ensure!(status.success(), "doing nothing: {status}");
    Ok(())
}
