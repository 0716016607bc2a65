//! The guest's part of `cargo xtask bench`: measures, and prints a line of JSON for each
//! measurement.
//!
//! - `start`, `calls` and `work` are for a guest that counts instructions: every figure is a number
//!   of instructions.
//! - `end` is for an idle guest of two processors, `storm` for one of four: both are by the clock.
//!
//! Usage: `bench-guest PART...`; `bench-guest percall PID` is what the measured calls are made by.

mod calls;
mod clock;
mod empty_pair;
mod ending;
mod memory;
mod parts;
mod percall;
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
    for part in &parts {
        match part.as_str() {
            "start" => start::measure()?,
            "calls" => calls::measure()?,
            "work" => work::measure()?,
            "end" => ending::measure()?,
            "storm" => storm::measure()?,
            other => bail!("{other}: no such measurement"),
        }
    }
    Ok(())
}
