//! The values of arguments.

use std::io::{self, Write};

use super::{palette::Palette, siginfo};
use crate::{
    decode::{Flags, Handler, Sigaction, SignalSet, SignalfdSiginfos, Stack, Timespec, Value},
    names::{how, signal},
    output::{Sets, hex::Hex},
};

pub(super) fn write(
    value: &Value<'_>,
    sets: Sets,
    palette: &Palette,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    match value {
        Value::Int(number) => write!(out, "{number}"),
        Value::Size(size) => write!(out, "{size}"),
        Value::Signal(signo) => name_or(signal::name(*signo), *signo, out),
        Value::How(number) => name_or(how::name(*number), Hex::int(*number), out),
        Value::Flags(word) => flags(*word, out),
        Value::Null => pointer(0, out),
        Value::Unreadable(address) => {
            let style = palette.hole;
            write!(out, "{}{style}<unreadable>{style:#}", Hex::new(*address))
        }
        Value::Address(address) => pointer(*address, out),
        Value::Set(signals) => set(*signals, sets, out),
        Value::Sigaction(action) => sigaction(action, sets, out),
        Value::Siginfo(info) => siginfo::write(info, out),
        Value::Stack(Stack { sp, flags: word, size }) => {
            out.extend(b"{ss_sp=");
            pointer(*sp, out)?;
            out.extend(b", ss_flags=");
            flags(*word, out)?;
            write!(out, ", ss_size={size}}}")
        }
        Value::Timespec(Timespec { sec, nsec }) => {
            write!(out, "{{tv_sec={sec}, tv_nsec={nsec}}}")
        }
        Value::Handler(function) => handler(*function, out),
        Value::SignalfdSiginfos(infos) => siginfos(infos, out),
    }
}

/// A name, or the number that has none.
pub(super) fn name_or(
    name: Option<&str>,
    number: impl std::fmt::Display,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    match name {
        Some(name) => out.write_all(name.as_bytes()),
        None => write!(out, "{number}"),
    }
}

/// An address, or NULL.
pub(super) fn pointer(address: u64, out: &mut Vec<u8>) -> io::Result<()> {
    match address {
        0 => out.write_all(b"NULL"),
        _ => out.write_all(Hex::new(address).as_bytes()),
    }
}

/// `A|B|0x10`, or 0.
pub(super) fn flags(flags: Flags, out: &mut Vec<u8>) -> io::Result<()> {
    if flags.bits == 0 {
        return out.write_all(b"0");
    }
    let start = out.len();
    for name in flags.names() {
        if out.len() > start {
            out.push(b'|');
        }
        out.extend(name.as_bytes());
    }
    if let Some(rest) = flags.rest() {
        if out.len() > start {
            out.push(b'|');
        }
        out.extend(Hex::new(rest).as_bytes());
    }
    Ok(())
}

/// `[INT TERM]`; when most signals that it has a place for are in it, those that are not: `~[INT TERM]`.
pub(super) fn set(set: SignalSet, sets: Sets, out: &mut Vec<u8>) -> io::Result<()> {
    if sets == Sets::Mask {
        return out.write_all(Hex::mask(set.bits()).as_bytes());
    }
    let inverted = set.has_most();
    let listed = if inverted { set.complement() } else { set };
    out.extend(if inverted { &b"~["[..] } else { b"[" });
    for (index, name) in listed.names().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend(name.trim_start_matches("SIG").as_bytes());
    }
    out.push(b']');
    Ok(())
}

fn sigaction(action: &Sigaction, sets: Sets, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend(b"{sa_handler=");
    handler(action.handler, out)?;
    out.extend(b", sa_mask=");
    set(action.mask, sets, out)?;
    out.extend(b", sa_flags=");
    flags(action.flags, out)?;
    if action.restorer != 0 {
        out.extend(b", sa_restorer=");
        pointer(action.restorer, out)?;
    }
    out.push(b'}');
    Ok(())
}

pub(super) fn handler(handler: Handler, out: &mut Vec<u8>) -> io::Result<()> {
    match handler {
        Handler::Default => out.write_all(b"SIG_DFL"),
        Handler::Ignore => out.write_all(b"SIG_IGN"),
        Handler::Function(address) => pointer(address, out),
    }
}

/// `[{ssi_signo=…}, {…}, 0x…]`.
fn siginfos(infos: &SignalfdSiginfos<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    out.push(b'[');
    for (index, info) in infos.iter().enumerate() {
        if index > 0 {
            out.extend(b", ");
        }
        siginfo::write(&info, out)?;
    }
    if let Some(rest) = infos.rest {
        out.extend(b", ");
        pointer(rest, out)?;
    }
    out.push(b']');
    Ok(())
}
