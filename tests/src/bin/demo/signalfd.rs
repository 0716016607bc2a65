//! A daemon with an event loop that gets its signals as data.

use std::fs::File;
use std::io::Read as _;

use anyhow::Result;

use crate::sys;

/// One record read from a signalfd.
const RECORD: usize = 128;

/// Serves until it is ended from outside.
pub(crate) fn run() -> Result<()> {
    let (reload, all) = (sys::set(&[libc::SIGHUP]), sys::set(&[libc::SIGHUP, libc::SIGUSR1]));
    sys::block(&all)?;
    let fd = sys::signalfd(&all)?;
    let mut source = File::from(fd.try_clone()?);
    let mut records = [0; 4 * RECORD];
    for round in 0_u32.. {
        source.read_exact(&mut records[..RECORD])?;
        // A reload changes what it listens to, now and then.
        let set = if round.is_multiple_of(2) { &reload } else { &all };
        sys::signalfd_change(&fd, set)?;
    }
    Ok(())
}
