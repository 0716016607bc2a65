//! `sigtrace doctor`: what this machine offers, what is missing, what to do about it.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::arch;
use crate::bpf::support::{Condition, Findings, Standing, examine};

/// How to write it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DoctorFormat {
    /// A line a condition.
    #[default]
    Text,
    /// One object.
    Json,
}

/// Writes what there is to say of the machine, going by the kernel's types or by those in a file. Says whether
/// tracing is possible.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn write(out: &mut dyn Write, format: DoctorFormat, btf: Option<&Path>) -> io::Result<bool> {
    let findings = examine(btf);
    let possible = findings.abilities.is_some();
    match format {
        DoctorFormat::Text => text(out, &findings.conditions, possible)?,
        DoctorFormat::Json => {
            serde_json::to_writer(&mut *out, &Report::new(&findings))?;
            writeln!(out)?;
        }
    }
    Ok(possible)
}

fn text(out: &mut dyn Write, conditions: &[Condition], possible: bool) -> io::Result<()> {
    for Condition { name, found, standing } in conditions {
        match standing {
            Standing::Met => writeln!(out, "ok       {name}: {found}")?,
            Standing::Lacking { effect } => writeln!(out, "lacking  {name}: {found}; {effect}")?,
            Standing::Missing { remedy } => writeln!(out, "missing  {name}: {found}; {remedy}")?,
        }
    }
    let verdict = if possible { "sigtrace can trace here" } else { "sigtrace cannot trace here" };
    writeln!(out, "{verdict}")
}

/// The same as an object, with what programs want to know.
#[derive(Serialize)]
struct Report<'a> {
    can_trace: bool,
    arch: &'static str,
    page_size: u32,
    conditions: Vec<ConditionObject<'a>>,
    /// What `--probe` takes; null, like what follows, if sigtrace cannot trace here.
    mechanisms: Option<Vec<&'static str>>,
    /// By what calls are probed if nothing else is asked for.
    probes: Option<Probes>,
    /// What of the accounting can be more than 0 by that however little happens.
    may_lose: Option<Vec<&'static str>>,
    /// What `--events` takes.
    events: Option<Vec<&'static str>>,
    /// Whether `--context` is taken.
    context: Option<bool>,
}

#[derive(Serialize)]
struct Probes {
    frequent: &'static str,
    rare: &'static str,
}

#[derive(Serialize)]
struct ConditionObject<'a> {
    condition: &'static str,
    /// `ok`, `lacking` or `missing`, as in text.
    standing: &'static str,
    found: &'a str,
    /// What does not work.
    effect: Option<&'static str>,
    /// What to do about it.
    remedy: Option<&'static str>,
}

impl<'a> Report<'a> {
    fn new(Findings { conditions, abilities }: &'a Findings) -> Self {
        let able = abilities.as_ref();
        Self {
            can_trace: able.is_some(),
            arch: arch::NATIVE.name(),
            page_size: arch::page_size(),
            conditions: conditions.iter().map(ConditionObject::new).collect(),
            mechanisms: able.map(|able| able.mechanisms.clone()),
            probes: able.map(|able| Probes { frequent: able.frequent, rare: able.rare }),
            may_lose: able.map(|able| able.may_lose.clone()),
            events: able.map(|able| able.events.clone()),
            context: able.map(|able| able.context),
        }
    }
}

impl<'a> ConditionObject<'a> {
    fn new(Condition { name, found, standing }: &'a Condition) -> Self {
        let (standing, effect, remedy) = match standing {
            Standing::Met => ("ok", None, None),
            Standing::Lacking { effect } => ("lacking", Some(*effect), None),
            Standing::Missing { remedy } => ("missing", None, Some(*remedy)),
        };
        Self { condition: name, standing, found, effect, remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(standing: Standing) -> Condition {
        Condition { name: "BTF", found: "not available".to_owned(), standing }
    }

    #[test]
    fn each_standing_has_a_word_and_its_reason() {
        let shown = |standing| {
            let condition = condition(standing);
            serde_json::to_string(&ConditionObject::new(&condition)).unwrap()
        };
        assert_eq!(
            shown(Standing::Met),
            r#"{"condition":"BTF","standing":"ok","found":"not available","effect":null,"remedy":null}"#
        );
        assert_eq!(
            shown(Standing::Lacking { effect: "less" }),
            r#"{"condition":"BTF","standing":"lacking","found":"not available","effect":"less","remedy":null}"#
        );
        assert_eq!(
            shown(Standing::Missing { remedy: "boot" }),
            r#"{"condition":"BTF","standing":"missing","found":"not available","effect":null,"remedy":"boot"}"#
        );
    }

    #[test]
    fn text_ends_with_the_verdict() {
        let conditions = [condition(Standing::Lacking { effect: "less" })];
        let mut out = Vec::new();
        text(&mut out, &conditions, true).unwrap();
        let expected = "lacking  BTF: not available; less\nsigtrace can trace here\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
