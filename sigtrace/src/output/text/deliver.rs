//! Signals that are taken.

use std::io::{self, Write};

use super::{code, generate, palette::Palette, siginfo, value};
use crate::{
    decode::{Deliver, Handler},
    output::Taker,
};

/// `nginx[812] --- SIGTERM {si_signo=SIGTERM, …} --- handler 0x55aa00001000 <0.000004>`, much as strace writes it.
pub(super) fn write(
    deliver: &Deliver,
    taker: Option<&Taker>,
    palette: &Palette,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let caller = palette.caller;
    write!(out, "{caller}")?;
    generate::thread(&deliver.thread, true, out)?;
    write!(out, "{caller:#} --- {}", palette.syscall)?;
    generate::signal(deliver.signal, out)?;
    write!(out, "{:#} ", palette.syscall)?;
    siginfo::write(&deliver.info, out)?;
    out.extend(b" --- ");
    if let Handler::Function(_) = deliver.handler {
        out.extend(b"handler ");
    }
    value::handler(deliver.handler, out)?;
    if let Some(code) = taker.and_then(|taker| taker.handler_at.as_ref()) {
        out.extend(b" in ");
        code::write(code, out)?;
    }
    if let Some(latency_ns) = deliver.latency_ns {
        let (seconds, rest) = (latency_ns / 1_000_000_000, latency_ns % 1_000_000_000);
        let style = palette.time;
        write!(out, " {style}<{seconds}.{:06}>{style:#}", rest / 1000)?;
    }
    Ok(())
}
