//! One line an event, much as strace would print it.

mod blind;
mod call;
mod code;
mod death;
mod deliver;
mod escape;
mod exit;
mod generate;
mod palette;
mod process;
mod repeated;
mod siginfo;
mod stats;
#[cfg(test)]
mod tests;
mod value;

use std::io;

use super::{Death, Event, Format, Sets, Users, timestamp::Clock};
pub(crate) use escape::Escaped;
use palette::Palette;

/// The format, for people. Times are UTC.
pub struct Text {
    sets: Sets,
    palette: Palette,
    clock: Clock,
    users: Users,
}

impl Text {
    /// With signal sets written like this, coloured or not.
    pub fn new(sets: Sets, color: bool) -> Self {
        let palette = if color { Palette::COLOR } else { Palette::PLAIN };
        Self { sets, palette, clock: Clock::new(), users: Users::default() }
    }

    /// With the names of users, where they are called by their names.
    pub fn with_users(self, users: Users) -> Self {
        Self { users, ..self }
    }
}

/// Why a process ended, in words.
pub fn why(death: &Death<'_>, users: &Users) -> String {
    let mut out = Vec::new();
    // Into memory, which does not fail.
    let _ = death::why(death, users, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

impl Format for Text {
    fn write(&mut self, event: Event<'_>, buffer: &mut Vec<u8>) -> io::Result<()> {
        let palette = &self.palette;
        match event {
            Event::Call(call, parties) => {
                palette.time(self.clock.time_of_day(call.time_ns), buffer)?;
                call::write(call, parties, self.sets, palette, buffer)?;
            }
            Event::Return { call, time_ns } => {
                palette.time(self.clock.time_of_day(time_ns), buffer)?;
                call::write_return(call, self.sets, palette, buffer)?;
            }
            Event::Generate(generate, _) => {
                palette.time(self.clock.time_of_day(generate.time_ns), buffer)?;
                generate::write(generate, palette, buffer)?;
            }
            Event::Deliver(deliver, taker) => {
                palette.time(self.clock.time_of_day(deliver.time_ns), buffer)?;
                deliver::write(deliver, taker, palette, buffer)?;
            }
            Event::Exit(exit, known) => {
                palette.time(self.clock.time_of_day(exit.time_ns), buffer)?;
                exit::write(exit, known, palette, buffer)?;
            }
            Event::Death(death) => {
                palette.time(self.clock.time_of_day(death.exit.time_ns), buffer)?;
                death::write(death, &self.users, buffer)?;
            }
            Event::Effect(sent) => {
                palette.time(self.clock.time_of_day(sent.generate.time_ns), buffer)?;
                death::write_effect(&sent, &self.users, buffer)?;
            }
            Event::Repeated { repeated, time_ns } => {
                palette.time(self.clock.time_of_day(time_ns), buffer)?;
                repeated::write(repeated, &mut self.clock, palette, buffer)?;
            }
            Event::Lost(lost) => {
                palette.time(self.clock.time_of_day(lost.time_ns), buffer)?;
                stats::write_lost(lost, palette, buffer)?;
            }
            Event::Blind(blind) => {
                palette.time(self.clock.time_of_day(blind.time_ns), buffer)?;
                blind::write(blind, &mut self.clock, palette, buffer)?;
            }
            Event::Stats(stats) => {
                palette.time(self.clock.time_of_day(stats.time_ns), buffer)?;
                stats::write_stats(stats, palette, buffer)?;
            }
        }
        buffer.push(b'\n');
        Ok(())
    }
}
