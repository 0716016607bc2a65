//! What a signal costs its sender by what sigtrace is to tell of it and of whom it names, and with the tools that
//! others have for it; and what the life of a process costs, since who processes are is learnt as they come and go.

use std::fs::{self, File};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::calls;
use crate::life;
use crate::percall::CALLS;
use crate::tracer::{Attached, EVENTS, Tracer};

/// What a sigtrace prints of the signals that percall sends, which are ignored: so they are not delivered, and end
/// nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The call that sends it.
    Call,
    /// The signal.
    Generate,
    Both,
    Nothing,
}

/// Options, and what is told with them.
const OPTIONS: [(&str, Told); 9] = [
    ("--syscall kill", Told::Call),
    ("--syscall kill --context basic", Told::Call),
    ("--syscall kill --context full", Told::Call),
    ("--events exit", Told::Nothing),
    ("--events deliver", Told::Nothing),
    ("--events generate --uid 4242", Told::Nothing),
    ("--events generate", Told::Generate),
    ("--events generate --context basic", Told::Generate),
    ("--events generate --context full", Told::Generate),
];
const ALL: &str = "--syscall kill --events all --context full";
const WHO: &str = "who";

/// Measures them in turn.
pub(crate) fn measure() -> Result<()> {
    print("untraced", costs()?);
    for (options, told) in OPTIONS {
        sigtrace(options, told)?;
    }
    sigtrace(ALL, Told::Both)?;
    who()?;
    other("bpftrace", Tracer::try_bpftrace_of_signals()?)?;
    other("sigsnoop", Tracer::try_sigsnoop()?)
}

/// In instructions: a kill with signal 0 and one with a signal, of another process, and a life.
fn costs() -> Result<Value> {
    let calls = calls::untraced()?;
    let alone = &calls["alone"];
    Ok(json!({
        "kill_another": alone["kill_another"],
        "signal_another": alone["signal_another"],
        "life": life::measure()?,
    }))
}

fn print(tracer: &str, mut costs: Value) {
    costs["measure"] = "signals".into();
    costs["tracer"] = tracer.into();
    println!("{costs}");
}

/// Measures sigtrace with these options. What it says it printed must bear out what is told.
fn sigtrace(options: &str, told: Told) -> Result<()> {
    let args: Vec<&str> = ["--stats"].into_iter().chain(options.split(' ')).collect();
    let tracer = Tracer::sigtrace(&args, File::create(EVENTS)?.into())?;
    let costs = costs()?;
    tracer.stop()?;
    let stats = stats()?;
    let printed = |pointer: &str| {
        let count = stats.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
        count >= CALLS
    };
    let found = match (printed("/printed/kill"), printed("/events/generate/printed")) {
        (true, true) => Told::Both,
        (true, false) => Told::Call,
        (false, true) => Told::Generate,
        (false, false) => Told::Nothing,
    };
    ensure!(found == told, "sigtrace {options} told {found:?}: {stats}");
    let lost = stats["lost"].as_object().context("stats have no losses")?;
    let of_generate = stats.pointer("/events/generate/lost");
    ensure!(
        lost.values().chain(of_generate).all(|count| count == 0),
        "sigtrace {options} lost events: {stats}"
    );
    print(&format!("sigtrace {options}"), costs);
    Ok(())
}

fn stats() -> Result<Value> {
    let events = fs::read_to_string(EVENTS)?;
    let last = events.lines().last().unwrap_or_default();
    serde_json::from_str(last).context("sigtrace's last line is no stats record")
}

fn who() -> Result<()> {
    let tracer = Tracer::sigtrace(&[WHO], Stdio::null())?;
    let costs = costs()?;
    let messages = tracer.stop()?;
    ensure!(messages.contains("; 0 signals lost"), "sigtrace {WHO} lost signals: {messages}");
    print(&format!("sigtrace {WHO}"), costs);
    Ok(())
}

/// Measures a tool of others, if it can be had.
fn other(name: &str, attached: Attached) -> Result<()> {
    match attached {
        Ok(tracer) => {
            let costs = costs()?;
            tracer.stop()?;
            print(name, costs);
        }
        Err(refusal) => refusal.print(&format!("{name} of signals")),
    }
    Ok(())
}
