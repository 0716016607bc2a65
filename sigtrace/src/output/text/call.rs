//! A system call.

use std::io::{self, Write};

use sigtrace_common::{Access, Outcome};

use super::{code, escape::Escaped, palette::Palette, process, value};
use crate::{
    decode::{ActionChange, Call, MaskChange, Return},
    names::{errno, signal},
    output::{Parties, Sets},
};

pub(super) fn write(
    call: &Call<'_>,
    parties: Option<&Parties>,
    sets: Sets,
    palette: &Palette,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    caller(call, palette, out)?;
    name(call, palette, out)?;
    out.push(b'(');
    args(call, parties, sets, palette, out)?;
    out.push(b')');
    end(call, sets, palette, out)?;
    match parties {
        Some(parties) => {
            if let Some(code) = &parties.handler_at {
                out.extend(b" handler in ");
                code::write(code, out)?;
            }
            process::write_parties(parties, palette, out)
        }
        None => Ok(()),
    }
}

/// The return of a call, as strace resumes one. The arguments are there again if outputs are among
/// them, which were not known before; else they were all in the line that is resumed.
pub(super) fn write_return(
    call: &Call<'_>,
    sets: Sets,
    palette: &Palette,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    caller(call, palette, out)?;
    out.extend(b"<... ");
    name(call, palette, out)?;
    out.extend(b" resumed>");
    if call.args().any(|(arg, _)| arg.access == Access::Out) {
        args(call, None, sets, palette, out)?;
    }
    out.push(b')');
    end(call, sets, palette, out)
}

fn args(
    call: &Call<'_>,
    parties: Option<&Parties>,
    sets: Sets,
    palette: &Palette,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    for (index, (arg, argument)) in call.args().enumerate() {
        if arg.access == Access::Returned {
            // Not an argument of the call: it stands where the result does.
            continue;
        }
        if index > 0 {
            out.extend(b", ");
        }
        if call.syscall.outcome == Outcome::Nothing {
            // Not an argument of the call, so that strace names it too.
            write!(out, "{{{}=", arg.name)?;
            value::write(argument, sets, palette, out)?;
            out.push(b'}');
        } else {
            value::write(argument, sets, palette, out)?;
        }
        if call.is_late(index) {
            let style = palette.hole;
            write!(out, "{style}<read late>{style:#}")?;
        }
        if Some(index) == call.target_argument()
            && let Some(target) = call.target
        {
            write!(out, "<pid:{target}>")?;
        }
        if Some(index) == call.naming_argument()
            && let Some(comm) = parties.and_then(|it| it.target.as_ref()?.comm)
        {
            write!(out, "→{}", Escaped(comm.bytes()))?;
        }
    }
    Ok(())
}

/// Who called.
fn caller(call: &Call<'_>, palette: &Palette, out: &mut Vec<u8>) -> io::Result<()> {
    let style = palette.caller;
    write!(out, "{style}{}[{}", Escaped(call.comm.bytes()), call.pid)?;
    if call.tid != call.pid {
        write!(out, "/{}", call.tid)?;
    }
    if let Some(ns) = call.ns {
        write!(out, " ns:{}", ns.pid)?;
        if ns.tid != ns.pid {
            write!(out, "/{}", ns.tid)?;
        }
    }
    write!(out, "]{style:#} ")
}

/// What was called, and how if it was not by way of the machine's own interface.
fn name(call: &Call<'_>, palette: &Palette, out: &mut Vec<u8>) -> io::Result<()> {
    if !call.abi.is_64bit() {
        write!(out, "{}:", call.abi.name())?;
    }
    let style = palette.syscall;
    write!(out, "{style}{}{style:#}", call.syscall.name)
}

/// What came back, and when.
fn end(call: &Call<'_>, sets: Sets, palette: &Palette, out: &mut Vec<u8>) -> io::Result<()> {
    let hole = palette.hole;
    match call.outcome {
        Return::Unfinished => write!(out, " {hole}<unfinished ...>{hole:#}"),
        Return::Missed => write!(out, " = ? {hole}<return missed>{hole:#}"),
        Return::Value { duration_ns, .. } => {
            out.extend(b" = ");
            result(call, sets, palette, out)?;
            if let Some(reach) = call.reach
                && reach.reached != Some(1)
            {
                match reach.reached {
                    Some(reached) => write!(out, " (reached {reached})")?,
                    None => out.extend(b" (reached more than 65000)"),
                }
            }
            if let Some(change) = call.mask_change {
                mask_change(change, sets, out)?;
            }
            if let Some(change) = &call.action_change {
                action_change(change, sets, out)?;
            }
            let (seconds, rest) = (duration_ns / 1_000_000_000, duration_ns % 1_000_000_000);
            let style = palette.time;
            write!(out, " {style}<{seconds}.{:06}>{style:#}", rest / 1000)
        }
    }
}

/// What became of the mask, if it changed: ` (blocked [INT], unblocked [TERM])`.
fn mask_change(change: MaskChange, sets: Sets, out: &mut Vec<u8>) -> io::Result<()> {
    let mut before = " (";
    for (what, set) in [("blocked ", change.blocked), ("unblocked ", change.unblocked)] {
        if set.bits() != 0 {
            out.extend(before.bytes().chain(what.bytes()));
            value::set(set, sets, out)?;
            before = ", ";
        }
    }
    if before == ", " {
        out.push(b')');
    }
    Ok(())
}

/// What was so before, if it changed: ` (handler was SIG_DFL, mask was [INT])`.
fn action_change(change: &ActionChange, sets: Sets, out: &mut Vec<u8>) -> io::Result<()> {
    let mut before = " (";
    if let Some([was, _]) = change.handler {
        write!(out, "{before}handler was ")?;
        value::handler(was, out)?;
        before = ", ";
    }
    if let Some([was, _]) = change.flags {
        write!(out, "{before}flags were ")?;
        value::flags(was, out)?;
        before = ", ";
    }
    if let Some([was, _]) = change.mask {
        write!(out, "{before}mask was ")?;
        value::set(was, sets, out)?;
        before = ", ";
    }
    if before == ", " { out.write_all(b")") } else { Ok(()) }
}

fn result(call: &Call<'_>, sets: Sets, palette: &Palette, out: &mut Vec<u8>) -> io::Result<()> {
    let result = call.ret().filter(|_| call.errno().is_none());
    if result.is_some()
        && let Some((_, value)) = call.args().find(|(arg, _)| arg.access == Access::Returned)
    {
        return value::write(value, sets, palette, out);
    }
    ret(call.ret(), palette, out)?;
    let taken = result.and_then(|ret| i32::try_from(ret).ok()).and_then(signal::name);
    match taken.filter(|_| call.syscall.outcome == Outcome::Signal) {
        Some(name) => write!(out, " ({name})"),
        None => Ok(()),
    }
}

/// What a call returned: a number, an error or nothing.
pub(super) fn ret(ret: Option<i64>, palette: &Palette, out: &mut Vec<u8>) -> io::Result<()> {
    let style = palette.error;
    match (ret, ret.and_then(errno::of)) {
        (None, _) => write!(out, "?"),
        (Some(ret), None) => write!(out, "{ret}"),
        (Some(_), Some(number)) => match (errno::name(number), errno::restart(number)) {
            (Some(name), Some(meaning)) => write!(out, "? {style}{name} ({meaning}){style:#}"),
            (Some(name), None) => write!(out, "-1 {style}{name}{style:#}"),
            (None, _) => write!(out, "-1 {style}(errno {number}){style:#}"),
        },
    }
}
