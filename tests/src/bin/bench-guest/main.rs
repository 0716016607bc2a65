//! The guest's part of `cargo xtask bench`: measures, and prints a line of JSON for each
//! measurement.
//!
//! - `start`, `calls`, `work`, `signals` and `joined` are for a guest that counts instructions: every figure is a
//!   number of instructions.
//! - `processes` is for a guest with memory for 10,000 of them: the figures are of memory.
//! - `end` is for an idle guest of two processors, `storm` for one of four: both are by the clock.
//!
//! Usage: `bench-guest PART...`; `bench-guest percall PID` is what the measured calls are made by, `bench-guest
//! nothing` a process whose life is measured, and `bench-guest sleep [ANYTHING]...` one of the many.

mod calls;
mod clock;
mod empty_pair;
mod ending;
mod joined;
mod life;
mod memory;
mod parts;
mod percall;
mod processes;
mod signals;
mod start;
mod storm;
mod tracer;
mod work;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    if let [percall, rest @ ..] = &parts[..]
        && percall == "percall"
    {
        return percall::measure(rest.first().map(String::as_str));
    }
    match parts.first().map(String::as_str) {
        Some(life::NOTHING) => return Ok(()),
        Some(processes::SLEEP) => processes::sleep(),
        _ => {}
    }
    for part in &parts {
        match part.as_str() {
            "start" => start::measure()?,
            "calls" => calls::measure()?,
            "work" => work::measure()?,
            "signals" => signals::measure()?,
            "joined" => joined::measure()?,
            "processes" => processes::measure()?,
            "end" => ending::measure()?,
            "storm" => storm::measure()?,
            other => bail!("{other}: no such measurement"),
        }
    }
    Ok(())
}
