//! The guest's part of `cargo xtask bench`: measures, and prints a line of JSON for each
//! measurement.
//!
//! For a guest that counts instructions: every figure is a number of instructions.
//!
//! Usage: `bench-guest [start] [calls] [work]`, by default all; `bench-guest percall PID` is what
//! the measured calls are made by.

mod calls;
mod clock;
mod empty_pair;
mod memory;
mod parts;
mod percall;
mod start;
mod tracer;
mod work;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let mut parts: Vec<String> = std::env::args().skip(1).collect();
    if let [percall, rest @ ..] = &parts[..]
        && percall == "percall"
    {
        return percall::measure(rest.first().map(String::as_str));
    }
    if parts.is_empty() {
        parts = ["start", "calls", "work"].map(String::from).into();
    }
    for part in &parts {
        match part.as_str() {
            "start" => start::measure()?,
            "calls" => calls::measure()?,
            "work" => work::measure()?,
            other => bail!("{other}: no such measurement"),
        }
    }
    Ok(())
}
