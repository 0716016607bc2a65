//! What the running kernel and our privileges allow.

mod necessary;
mod useful;

use std::{fs, path::Path};

use anyhow::{Context as _, anyhow};

use super::{
    Policy,
    abilities::{self, Abilities},
    machine::Machine,
};
use necessary::NECESSARY;
use useful::USEFUL;

/// Where events of tracefs are.
pub(super) const TRACEFS: [&str; 2] =
    ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"];

/// How one condition stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// Met.
    Met,
    /// Not met; sigtrace works without, except for what `effect` says.
    Lacking {
        /// What does not work.
        effect: &'static str,
    },
    /// Not met; sigtrace cannot trace here.
    Missing {
        /// What to do about it.
        remedy: &'static str,
    },
}

/// One condition, and how it stands on this machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Condition {
    /// What it is about.
    pub name: &'static str,
    /// What was found.
    pub found: String,
    /// How it stands.
    pub standing: Standing,
}

/// What there is to say of this machine.
#[derive(Debug)]
pub struct Findings {
    /// Every condition, the necessary ones first.
    pub conditions: Vec<Condition>,
    /// What can be done; `None` if sigtrace cannot trace here.
    pub abilities: Option<Abilities>,
}

/// Looks at this machine, going by the kernel's types, or by those in a file.
pub fn examine(btf: Option<&Path>) -> Findings {
    let mut conditions: Vec<Condition> = NECESSARY.iter().map(|condition| condition()).collect();
    let is_missing = |condition: &Condition| matches!(condition.standing, Standing::Missing { .. });
    // Who may not load programs, or counts processes otherwise than the kernel, cannot try a file.
    let btf = btf.filter(|_| !conditions.iter().any(is_missing));
    let machine = Machine::running(Policy::Auto, btf);
    conditions.extend(USEFUL.iter().map(|condition| condition(&machine)));
    // Who may not load programs does not learn what the kernel takes.
    let can_trace = !conditions.iter().any(is_missing);
    let abilities = machine.ok().filter(|_| can_trace).map(|machine| abilities::of(&machine));
    Findings { conditions, abilities }
}

/// The first necessary condition that is not met, as an error.
pub fn check() -> anyhow::Result<()> {
    match NECESSARY.iter().map(|condition| condition()).find_map(|condition| {
        match condition.standing {
            Standing::Missing { remedy } => Some((condition.name, condition.found, remedy)),
            _ => None,
        }
    }) {
        Some((name, found, remedy)) => Err(anyhow!("{name}: {found}; {remedy}")),
        None => Ok(()),
    }
}

fn read(path: &str) -> anyhow::Result<String> {
    Ok(fs::read_to_string(path).context(path.to_owned())?.trim().to_owned())
}
