//! Times in which nothing could be seen.

use std::io::{self, Write};

use super::{escape::Escaped, palette::Palette};
use crate::output::{Blind, timestamp::Clock};

/// `blind since 22:33:14.123456 until 22:33:19.123456: kill, tkill: kprobes are disabled`.
pub(super) fn write(
    blind: &Blind,
    clock: &mut Clock,
    palette: &Palette,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let hole = palette.hole;
    write!(out, "{hole}blind since {}", clock.time_of_day(blind.since_ns))?;
    if let Some(until_ns) = blind.until_ns {
        write!(out, " until {}", clock.time_of_day(until_ns))?;
    }
    let reason = Escaped(blind.reason.as_bytes());
    write!(out, ": {}: {reason}{hole:#}", blind.syscalls.join(", "))
}
