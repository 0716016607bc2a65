//! JSON Lines: an object a line, its keys in a fixed order.

mod blind;
mod call;
mod caller;
mod code;
mod death;
mod deliver;
mod exit;
mod generate;
mod integer;
mod process;
mod repeated;
mod siginfo;
mod stats;
#[cfg(test)]
mod tests;
mod value;
mod writer;

use std::io;

use self::caller::Caller;
pub use self::integer::MAX_NUMBER;
use self::process::Kept;
use super::{Event, Format, Sets, timestamp::Clock};

/// The format. It is the same on every machine; keys are added to it, none renamed or removed.
pub struct Json {
    sets: Sets,
    clock: Clock,
    caller: Caller,
    /// The caller and the target, with context.
    parties: [Kept; 2],
}

impl Json {
    /// With signal sets written like this.
    pub fn new(sets: Sets) -> Self {
        Self {
            sets,
            clock: Clock::new(),
            caller: Caller::default(),
            parties: <[Kept; 2]>::default(),
        }
    }
}

impl Format for Json {
    fn write(&mut self, event: Event<'_>, buffer: &mut Vec<u8>) -> io::Result<()> {
        match event {
            Event::Call(call, parties) => {
                let time = *self.clock.text(call.time_ns);
                let [caller, target] = &mut self.parties;
                let clock = &mut self.clock;
                let parties = parties.map(|it| call::Parties {
                    caller: it.caller.as_ref().map(|process| caller.text(process, clock)),
                    target: it.target.as_ref().map(|process| target.text(process, clock)),
                    handler_at: it.handler_at.as_ref(),
                });
                call::write(call, parties, self.sets, &time, &mut self.caller, buffer);
            }
            Event::Return { call, time_ns } => {
                call::write_return(call, self.sets, self.clock.text(time_ns), buffer);
            }
            Event::Generate(generate, ends) => {
                generate::write(generate, ends, &mut self.clock, buffer);
            }
            Event::Deliver(deliver, taker) => {
                deliver::write(deliver, taker, &mut self.clock, buffer);
            }
            Event::Exit(exit, known) => exit::write(exit, known, &mut self.clock, buffer),
            Event::Death(death) => death::write(death, &mut self.clock, buffer),
            Event::Effect(sent) => death::write_effect(&sent, &mut self.clock, buffer),
            Event::Repeated { repeated, time_ns } => {
                repeated::write(repeated, time_ns, &mut self.clock, buffer);
            }
            Event::Lost(lost) => {
                stats::write_lost(lost, self.clock.text(lost.time_ns), buffer);
            }
            Event::Blind(blind) => blind::write(blind, &mut self.clock, buffer),
            Event::Stats(stats) => {
                stats::write_stats(stats, self.clock.text(stats.time_ns), buffer);
            }
        }
        buffer.push(b'\n');
        Ok(())
    }
}

/// Something to write, and how to write the signal sets in it.
#[derive(Clone, Copy)]
struct View<'a, T> {
    value: &'a T,
    sets: Sets,
}

impl<'a, T> View<'a, T> {
    /// A part of it.
    fn part<P>(self, part: &'a P) -> View<'a, P> {
        View { value: part, sets: self.sets }
    }
}
