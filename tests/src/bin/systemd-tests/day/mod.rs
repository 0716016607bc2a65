//! A day on a machine: `sigtrace who` has to be right about every death of it.
//!
//! - [`services`] are acts of systemd's; those of `workload day` are of everybody else.
//! - Each act writes down who is to die of what before it acts.
//! - [`compare`] holds what was told against what was written down.

mod compare;
mod services;

use std::panic::resume_unwind;
use std::thread;

use anyhow::{Context as _, Error, Result};
use sigtrace_tests::death::Death;
use sigtrace_tests::harness::{Tracer, perform};

use crate::command::output;
use crate::kernel;

crate::tests::trials![
    everyone_who_dies_of_a_signal_in_a_day_is_told_of_with_who_or_what_killed_them
];

/// An act: its name, and what does it. That returns the deaths it wrote down, once they have happened.
type Act = (String, Box<dyn FnOnce() -> Result<Vec<Death>> + Send>);

fn everyone_who_dies_of_a_signal_in_a_day_is_told_of_with_who_or_what_killed_them() -> Result<()> {
    let acts = acts()?;
    let tracer = Tracer::start_checking(&["who", "--format", "json"]);
    let expected = play(acts)?;
    let skipped = kernel::skipped();
    compare::assert_told(&expected, &tracer.finish_unchecked(), skipped);
    Ok(())
}

fn acts() -> Result<Vec<Act>> {
    let of_systemd = services::ACTS.iter().map(|(name, act)| {
        let act: Box<dyn FnOnce() -> Result<Vec<Death>> + Send> = Box::new(*act);
        ((*name).to_owned(), act)
    });
    let names = output("/payload/workload day")?;
    let of_others = names.lines().map(|name| {
        let act = name.to_owned();
        let act: Box<dyn FnOnce() -> Result<Vec<Death>> + Send> =
            Box::new(move || perform(&act).map_err(Error::msg));
        (name.to_owned(), act)
    });
    Ok(of_systemd.chain(of_others).collect())
}

/// Does all acts at the same time. The deaths, each with the name of its act.
fn play(acts: Vec<Act>) -> Result<Vec<(String, Death)>> {
    thread::scope(|scope| {
        let started: Vec<_> =
            acts.into_iter().map(|(name, act)| (name, scope.spawn(act))).collect();
        let mut deaths = Vec::new();
        for (name, act) in started {
            let of_act = act.join().unwrap_or_else(|panic| resume_unwind(panic));
            // For the log.
            eprintln!("{name}: {}", of_act.as_ref().map_or("failed", |_| "done"));
            let of_act = of_act.with_context(|| name.clone())?;
            deaths.extend(of_act.into_iter().map(|death| (name.clone(), death)));
        }
        Ok(deaths)
    })
}
