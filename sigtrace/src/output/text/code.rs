//! Code that events name by its address.

use std::io::{self, Write};

use super::escape::Escaped;
use crate::output::{code::Code, hex::Hex};

/// `/usr/sbin/nginx+0x1139 (ngx_signal_handler)`, as tracers of stacks write it.
pub(super) fn write(code: &Code, out: &mut Vec<u8>) -> io::Result<()> {
    write!(out, "{}", Escaped(&code.file))?;
    if code.is_deleted {
        out.extend(b" (deleted)");
    }
    write!(out, "+{}", Hex::new(code.offset))?;
    let Some(symbol) = &code.symbol else { return Ok(()) };
    write!(out, " ({}", Escaped(symbol.name.as_bytes()))?;
    if symbol.offset != 0 {
        write!(out, "+{}", Hex::new(symbol.offset))?;
    }
    out.write_all(b")")
}
