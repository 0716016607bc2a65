//! Processes that end by a signal.

use std::io::{self, Write};

use super::{escape::Escaped, palette::Palette, process, value};
use crate::{
    decode::{Exit, Reason},
    names::{signal, syscall},
    output::Known,
};

/// `nginx[812] +++ killed by SIGSEGV (core dumped) +++`, as strace writes it.
pub(super) fn write(
    exit: &Exit,
    known: Option<&Known>,
    palette: &Palette,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let (caller, error) = (palette.caller, palette.error);
    let process = &exit.process;
    write!(out, "{caller}{}[{}]{caller:#} ", Escaped(process.comm.bytes()), process.pid)?;
    write!(out, "{error}+++ killed by ")?;
    value::name_or(signal::name(exit.signal), exit.signal, out)?;
    let core = if exit.core_dumped { " (core dumped)" } else { "" };
    write!(out, "{core}")?;
    if let Reason::Seccomp(refused) = exit.reason {
        out.extend(b" (seccomp: ");
        value::name_or(syscall::name(refused.arch, refused.number), refused.number, out)?;
        out.push(b')');
    }
    write!(out, " +++{error:#}")?;
    match known.and_then(|known| known.identity.as_ref()) {
        Some(identity) => {
            out.push(b' ');
            process::write(identity, out)
        }
        None => Ok(()),
    }
}
