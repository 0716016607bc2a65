//! Merged calls.

use std::io::{self, Write};

use super::{call, escape::Escaped, palette::Palette, value};
use crate::{decode::Repeated, names::signal, output::timestamp::Clock};

/// `flood[900] kill(..., SIGWINCH) = 0 <51234 times from 22:33:14.123456 to 22:33:15.123456>`.
pub(super) fn write(
    repeated: &Repeated,
    clock: &mut Clock,
    palette: &Palette,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let (caller, syscall, hole) = (palette.caller, palette.syscall, palette.hole);
    write!(out, "{caller}{}[{}]{caller:#} ", Escaped(repeated.comm.bytes()), repeated.pid)?;
    write!(out, "{syscall}{}{syscall:#}(...", repeated.syscall.name)?;
    if let Some(signal) = repeated.signal {
        out.extend(b", ");
        value::name_or(signal::name(signal), signal, out)?;
    }
    out.extend(b") = ");
    call::ret(repeated.ret, palette, out)?;
    let plural = if repeated.count == 1 { "" } else { "s" };
    let first = clock.time_of_day(repeated.first_ns).to_owned();
    let last = clock.time_of_day(repeated.last_ns);
    write!(out, " {hole}<{} time{plural} from {first} to {last}>{hole:#}", repeated.count)
}
