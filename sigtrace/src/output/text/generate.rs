//! Signals that are sent.

use std::io::{self, Write};

use super::{escape::Escaped, palette::Palette, siginfo, value};
use crate::{
    decode::{Generate, Handler, SentOutcome, Thread},
    names,
};

/// `nginx[812] <-- SIGTERM from sh[900] by kill {si_signo=SIGTERM, …} = delivered (blocked)`.
pub(super) fn write(generate: &Generate, palette: &Palette, out: &mut Vec<u8>) -> io::Result<()> {
    let (caller, error) = (palette.caller, palette.error);
    write!(out, "{caller}")?;
    thread(&generate.target, !generate.to_process, out)?;
    write!(out, "{caller:#} <-- {}", palette.syscall)?;
    signal(generate.signal, out)?;
    write!(out, "{:#}", palette.syscall)?;
    if let Some(sender) = &generate.sender {
        write!(out, " from {caller}")?;
        thread(sender, true, out)?;
        write!(out, "{caller:#}")?;
    }
    match generate.call_name() {
        Some(call) => write!(out, " by {call}")?,
        None => write!(out, " ({})", generate.cause.name().replace('_', " "))?,
    }
    if !generate.is_cause_certain {
        out.push(b'?');
    }
    if let Some(info) = &generate.info {
        out.push(b' ');
        siginfo::write(info, out)?;
    }
    if generate.forged {
        write!(out, "{hole}<forged>{hole:#}", hole = palette.hole)?;
    }
    out.extend(b" = ");
    let outcome = generate.outcome.name().replace('_', " ");
    match generate.outcome {
        SentOutcome::Delivered => write!(out, "{outcome}")?,
        _ => write!(out, "{error}{outcome}{error:#}")?,
    }
    state(generate, out)
}

/// The name of a signal.
pub(super) fn signal(signo: i32, out: &mut Vec<u8>) -> io::Result<()> {
    value::name_or(names::signal::name(signo), signo, out)
}

/// A process, and the thread if it matters which.
pub(super) fn thread(thread: &Thread, with_tid: bool, out: &mut Vec<u8>) -> io::Result<()> {
    let process = &thread.process;
    write!(out, "{}[{}", Escaped(process.comm.bytes()), process.pid)?;
    if with_tid && thread.tid != process.pid {
        write!(out, "/{}", thread.tid)?;
    }
    out.write_all(b"]")
}

/// What explains what comes of it: ` (blocked, handler 0x55aa00001000)`.
fn state(generate: &Generate, out: &mut Vec<u8>) -> io::Result<()> {
    let state = &generate.target_state;
    let words = [
        (generate.fatal == Some(true), "fatal"),
        (state.blocked, "blocked"),
        (state.awaited, "awaited"),
        (state.handler == Handler::Ignore, "SIG_IGN"),
        (state.namespace_init, "init of a pid namespace, no handler"),
        (state.stopped, "stopped"),
        (state.traced, "traced"),
        (state.kernel_thread, "kernel thread"),
    ];
    let mut before = " (";
    for (_, word) in words.iter().filter(|(is, _)| *is) {
        write!(out, "{before}{word}")?;
        before = ", ";
    }
    if let Handler::Function(_) = state.handler {
        write!(out, "{before}handler ")?;
        value::handler(state.handler, out)?;
        before = ", ";
    }
    if before == ", " { out.write_all(b")") } else { Ok(()) }
}
