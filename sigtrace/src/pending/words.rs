//! A process in words: why a signal has the effect that it has.

use std::io::{self, Write};

use super::{
    fate::Fate,
    report::{Report, Signal},
    table::{named, signal_name},
};
use crate::names::DefaultAction;

/// Writes a paragraph about it.
pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let status = &report.process.status;
    write!(out, "{}: user {}", named(&report.process), status.uid)?;
    if let Some(parent) = &report.parent {
        write!(out, ", child of {}", named(parent))?;
    }
    if let Some(number) = status.ns_pid {
        write!(out, ", {number} in its pid namespace")?;
    }
    if status.threads > 1 {
        write!(out, ", {} threads", status.threads)?;
    }
    writeln!(out)?;
    for found in &report.signals {
        let pending = if found.is_pending { "pending; " } else { "" };
        let name = signal_name(found.signo);
        writeln!(out, "  {name}: {pending}{}{}", effect(found, report), condition(found, report))?;
    }
    Ok(())
}

fn effect(found: &Signal, report: &Report) -> String {
    match found.fate {
        Fate::Ended => match &report.parent {
            Some(parent) => {
                format!(
                    "no effect: the process has ended and waits for {} to reap it",
                    named(parent)
                )
            }
            None => "no effect: the process has ended and waits to be reaped".to_owned(),
        },
        Fate::Blocked => format!(
            "{}; it stays pending until a thread unblocks it, or takes it with sigwait(3) or a signalfd",
            origin(found, report, "blocked")
        ),
        Fate::Ignored => format!("no effect: {}", origin(found, report, "ignored")),
        Fate::Caught => "caught: runs its handler".to_owned(),
        Fate::InitWithoutHandler => {
            "no effect: the process is the init of its pid namespace and has no handler for it"
                .to_owned()
        }
        Fate::Default(DefaultAction::Terminate) => "terminates the process".to_owned(),
        Fate::Default(DefaultAction::Core) => {
            "terminates the process, with a core dump if its limits allow one".to_owned()
        }
        Fate::Default(DefaultAction::Stop) => "stops the process".to_owned(),
        Fate::Default(DefaultAction::Continue) => {
            "continues the process if it is stopped".to_owned()
        }
        Fate::Default(DefaultAction::Ignore) => "no effect: ignored by default".to_owned(),
    }
}

/// Who made it blocked or ignored, as far as can be told.
fn origin(found: &Signal, report: &Report, is: &str) -> String {
    match (&found.inherited_from, &report.parent) {
        (Some(from), Some(parent)) if from.status.tgid == parent.status.tgid => {
            format!("{is}, as by its parent {}", named(from))
        }
        (Some(from), _) => format!("{is}, as by its ancestors up to {}", named(from)),
        (None, Some(parent)) if found.fate == Fate::Blocked => format!(
            "{is} by the process itself, or by a thread of its parent that has ended (no thread of {} \
             blocks it)",
            named(parent)
        ),
        (None, Some(parent)) => {
            format!("{is} by the process itself (its parent {} does not ignore it)", named(parent))
        }
        (None, None) => format!("{is} by the process itself, or by a parent that cannot be seen"),
    }
}

/// What else delays it.
fn condition(found: &Signal, report: &Report) -> String {
    let acts =
        matches!(found.fate, Fate::Caught | Fate::Default(_)) && found.signo != libc::SIGCONT;
    let mut text = String::new();
    if acts && found.signo != libc::SIGKILL {
        match report.process.status.state {
            'T' => text.push_str(", once the stopped process is continued (SIGCONT)"),
            't' => text.push_str(", once its tracer lets it go on"),
            _ => {}
        }
    }
    if acts && report.process.status.state == 'D' {
        text.push_str(", once its uninterruptible sleep ends");
    }
    if let Some(tracer) = report.tracer.as_ref().filter(|_| found.signo != libc::SIGKILL) {
        text.push_str(&format!("; its tracer {} sees it first and may drop it", named(tracer)));
    }
    text
}
