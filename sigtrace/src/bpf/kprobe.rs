//! kprobe and kretprobe: programs for one function each, by perf events. Every kernel with
//! `CONFIG_KPROBE_EVENTS` has them.
//!
//! Entries are never skipped but where bpf(2) itself is interrupted. A return needs one of few slots
//! of the kretprobe, which a caller that sleeps holds: max(10, 2 × processors), on 5.10 one a
//! processor. Each takes the kernel some three million instructions to attach, and some 20 ms to
//! detach.

use std::{
    fs, io,
    os::fd::{AsFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use sigtrace_common::Point;

use super::{
    attach::{Entry, Link},
    load::Kernel,
    refusal,
    sys::{self, Kind},
};

/// The kernel's unit for kprobes, among those for perf events.
const UNIT: &str = "/sys/bus/event_source/devices/kprobe";

/// Attaches the entry program of `point`; `None` if the kernel has no such function.
pub(super) fn entry(kernel: &mut Kernel, point: &Point) -> Result<Option<Entry>> {
    let attached = attach(kernel, point, "enter", false)?;
    Ok(attached.map(|(link, program)| Entry::of_program(link, program)))
}

/// Attaches the return program, likewise.
pub(super) fn returns(kernel: &mut Kernel, point: &Point) -> Result<Option<Link>> {
    Ok(attach(kernel, point, "exit", true)?.map(|(link, _)| link))
}

/// Attaches the programs for a function of the kernel's own that are named after it, first that for the return;
/// none if the kernel has no such function.
pub(super) fn around(kernel: &mut Kernel, symbol: &str) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for (program, of_return) in [(format!("{symbol}_return"), true), (symbol.to_owned(), false)] {
        let Some((link, _)) = attach_to(kernel, symbol, &program, of_return)? else {
            return Ok(Vec::new());
        };
        links.push(link);
    }
    Ok(links)
}

/// Attaches the program that is named after a function of the kernel's own to its entry; `None` if there is no such
/// function.
pub(super) fn at(kernel: &mut Kernel, symbol: &str) -> Result<Option<Link>> {
    Ok(attach_to(kernel, symbol, symbol, false)?.map(|(link, _)| link))
}

fn attach(
    kernel: &mut Kernel,
    point: &Point,
    program: &str,
    of_return: bool,
) -> Result<Option<(Link, OwnedFd)>> {
    attach_to(kernel, point.symbol, &format!("{point}_{program}"), of_return)
}

fn attach_to(
    kernel: &mut Kernel,
    symbol: &str,
    name: &str,
    of_return: bool,
) -> Result<Option<(Link, OwnedFd)>> {
    let unit = Unit::of_kernel()?;
    let program = kernel.object.program(name)?;
    let program = sys::load(name, Kind::Kprobe, &program)
        .map_err(|refused| refusal::of_program(refused, symbol).error)?;
    let config = if of_return { unit.of_return } else { 0 };
    match sys::open_kprobe(program.as_fd(), unit.kind, config, symbol) {
        Ok(link) => Ok(Some((Link(link), program))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refusal::of_link(error, symbol).error),
    }
}

/// How the kernel's unit is addressed.
#[derive(Clone, Copy)]
struct Unit {
    kind: u32,
    /// The bit of `config` that makes it a kretprobe.
    of_return: u64,
}

impl Unit {
    fn of_kernel() -> Result<Self> {
        let kind = number(&format!("{UNIT}/type"), "")?;
        let of_return = 1 << number(&format!("{UNIT}/format/retprobe"), "config:")?;
        Ok(Self { kind, of_return })
    }
}

fn number(path: &str, prefix: &str) -> Result<u32> {
    let text = fs::read_to_string(path).with_context(|| path.to_owned())?;
    let number = text.trim().strip_prefix(prefix).and_then(|number| number.parse().ok());
    number.with_context(|| format!("{path}: unexpected {text}"))
}
