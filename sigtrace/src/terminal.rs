//! The terminal that is standard output.

use std::{
    io::{self, IsTerminal as _},
    mem::MaybeUninit,
    os::fd::AsRawFd as _,
};

/// What a terminal has that does not tell, such as a serial line.
const USUAL_WIDTH: usize = 80;

/// How many columns standard output has, if it is a terminal.
#[must_use]
pub fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: a structure to write to; zeroed, so that it is initialised in any case.
    let size = unsafe {
        libc::ioctl(stdout.as_raw_fd(), libc::TIOCGWINSZ, size.as_mut_ptr());
        size.assume_init()
    };
    Some(match size.ws_col {
        0 => USUAL_WIDTH,
        columns => usize::from(columns),
    })
}
