//! kprobe.multi and kprobe.session: one program for many functions, attached by one link
//! (`CONFIG_FPROBE`; 5.18 and 6.10, on arm64 as well from 6.14).
//!
//! A link takes the kernel a few million instructions, as many as some 30 more for finding the
//! functions by their names; it goes in a few milliseconds.
//!
//! kprobe.multi is for entries, of which it skips none. A session is for returns, too, of the calls
//! whose entries it wants. Up to 6.13 it needs a slot for that, of which there are 2 × processors for
//! each function in the link; without one it misses the *whole call*. Later the kernel keeps what it
//! needs with the thread, some 4 kB each.

use std::os::fd::AsFd as _;

use anyhow::Result;
use sigtrace_common::Point;

use super::{
    attach::{Entry, Link},
    load::Kernel,
    refusal,
    sys::{self, Kind},
};

/// Attaches the program for the entries of these functions.
pub(super) fn entries(kernel: &mut Kernel, symbols: &[&str]) -> Result<Entry> {
    attach(kernel, "multi", symbols, Kind::KprobeMulti)
}

/// Attaches the program for their entries and returns.
pub(super) fn session(kernel: &mut Kernel, symbols: &[&str]) -> Result<Entry> {
    attach(kernel, "session", symbols, Kind::KprobeSession)
}

/// Attaches the program for the entries and returns of one function, for those that have one.
pub(super) fn session_of(kernel: &mut Kernel, point: &Point) -> Result<Entry> {
    attach(kernel, &format!("{point}_session"), &[point.symbol], Kind::KprobeSession)
}

fn attach(kernel: &mut Kernel, name: &str, symbols: &[&str], kind: Kind) -> Result<Entry> {
    let program = kernel.object.program(name)?;
    let what = format!("{} functions", symbols.len());
    let program = sys::load(name, kind, &program)
        .map_err(|refused| refusal::of_program(refused, &what).error)?;
    let link = sys::link_multi(program.as_fd(), kind == Kind::KprobeSession, symbols)
        .map_err(|error| refusal::of_link(error, &what).error)?;
    Ok(Entry::of_link(Link(link), program))
}
