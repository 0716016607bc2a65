//! kprobes and kretprobes.

use std::io;

use anyhow::Result;
use aya::programs::{KProbe, ProgramError};
use sigtrace_common::Point;

use super::{
    Kernel,
    attach::{Entry, Link},
    support,
};

/// Attaches the entry program of `point`; `None` if the kernel has no such function.
pub(super) fn entry(kernel: &mut Kernel, point: &Point) -> Result<Option<Entry>> {
    let name = format!("{point}_enter");
    let Some(link) = attach(kernel, &name, point.symbol)? else { return Ok(None) };
    let program: &mut KProbe = kernel.program(&name)?;
    Entry::new(link, program.fd()?).map(Some)
}

/// Attaches the return program, likewise.
pub(super) fn returns(kernel: &mut Kernel, point: &Point) -> Result<Option<Vec<Link>>> {
    let link = attach(kernel, &format!("{point}_exit"), point.symbol)?;
    Ok(link.map(|link| vec![link]))
}

fn attach(kernel: &mut Kernel, name: &str, symbol: &str) -> Result<Option<Link>> {
    let program: &mut KProbe = kernel.program(name)?;
    program.load().map_err(|error| support::explain(error, symbol))?;
    match program.attach(symbol, 0) {
        Ok(link) => Ok(Some(program.take_link(link)?.into())),
        Err(ProgramError::SyscallError(error))
            if error.io_error.kind() == io::ErrorKind::NotFound =>
        {
            Ok(None)
        }
        Err(error) => Err(support::explain(error, symbol)),
    }
}
