//! What signals do to threads, as strace writes it.

use serde_json::json;

use super::value;
use crate::notation;
use crate::signal;
use crate::step::{END, STOP, Source, Step, TAKE};

/// `SIGTERM {si_signo=SIGTERM, ...}` of a signal that is taken, `stopped by SIGTSTP` of a thread that
/// stops, which it does some time after one of its process's threads took that.
pub(super) fn signal<'a>(text: &str, source: Source<'a>) -> Result<Step<'a>, String> {
    if let Some(name) = text.strip_prefix("stopped by ") {
        let args = value::both(signal::number(name)?);
        return Ok(Step::fate(STOP, args, source));
    }
    let (name, info) = text.split_once(' ').ok_or("no siginfo")?;
    let mut args = value::both(signal::number(name)?);
    let [info] = &notation::arguments(info)?[..] else { return Err("no siginfo".into()) };
    args.insert("info".into(), value::members(info)?.into());
    Ok(Step::fate(TAKE, args, source))
}

/// `killed by SIGSEGV (core dumped)`. Nothing of `exited with 0`.
pub(super) fn end<'a>(text: &str, source: Source<'a>) -> Result<Option<Step<'a>>, String> {
    if text.starts_with("exited with ") {
        return Ok(None);
    }
    let killed = text.strip_prefix("killed by ").ok_or("no end")?;
    let name = killed.strip_suffix(" (core dumped)");
    let mut args = value::both(signal::number(name.unwrap_or(killed))?);
    args.insert("core_dumped".into(), json!(name.is_some()));
    Ok(Some(Step::fate(END, args, source)))
}
