//! `sigtrace doctor`: what this machine offers, what is missing, what to do about it.

use std::io::{self, Write};

use crate::bpf::support::{Condition, Standing, conditions};

/// Writes a line a condition. Says whether tracing is possible.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn write(out: &mut dyn Write) -> io::Result<bool> {
    let conditions = conditions();
    for Condition { name, found, standing } in &conditions {
        match standing {
            Standing::Met => writeln!(out, "ok       {name}: {found}")?,
            Standing::Lacking { effect } => writeln!(out, "lacking  {name}: {found}; {effect}")?,
            Standing::Missing { remedy } => writeln!(out, "missing  {name}: {found}; {remedy}")?,
        }
    }
    let possible =
        !conditions.iter().any(|condition| matches!(condition.standing, Standing::Missing { .. }));
    let verdict = if possible { "sigtrace can trace here" } else { "sigtrace cannot trace here" };
    writeln!(out, "{verdict}")?;
    Ok(possible)
}
