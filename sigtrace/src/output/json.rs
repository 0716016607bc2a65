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
use self::process::{Processes, Written};
use super::{
    Event, Format, Sets,
    process::Process,
    timestamp::{Clock, Text},
};

/// The format. It is the same on every machine; keys are added to it, none renamed or removed.
pub struct Json {
    sets: Sets,
    texts: Texts,
    caller: Caller,
}

/// The texts of what events name again and again.
struct Texts {
    clock: Clock,
    processes: Processes,
}

impl Texts {
    /// That of a time, in nanoseconds since 1970 (UTC).
    fn time(&mut self, time_ns: u64) -> &Text {
        self.clock.text(time_ns)
    }

    /// That of a process.
    fn process(&mut self, process: &Process) -> Written<'_> {
        self.processes.text(process, &mut self.clock)
    }
}

impl Json {
    /// With signal sets written like this.
    pub fn new(sets: Sets) -> Self {
        let texts = Texts { clock: Clock::new(), processes: Processes::default() };
        Self { sets, texts, caller: Caller::default() }
    }
}

impl Format for Json {
    fn write(&mut self, event: Event<'_>, buffer: &mut Vec<u8>) -> io::Result<()> {
        match event {
            Event::Call(call, parties) => {
                call::write(call, parties, self.sets, &mut self.texts, &mut self.caller, buffer);
            }
            Event::Return { call, time_ns } => {
                call::write_return(call, self.sets, self.texts.time(time_ns), buffer);
            }
            Event::Generate(generate, ends) => {
                generate::write(generate, ends, &mut self.texts, buffer);
            }
            Event::Deliver(deliver, taker) => {
                deliver::write(deliver, taker, &mut self.texts, buffer);
            }
            Event::Exit(exit, known) => exit::write(exit, known, &mut self.texts, buffer),
            Event::Death(death) => death::write(death, &mut self.texts, buffer),
            Event::Effect(sent) => death::write_effect(&sent, &mut self.texts, buffer),
            Event::Repeated { repeated, time_ns } => {
                repeated::write(repeated, time_ns, &mut self.texts.clock, buffer);
            }
            Event::Lost(lost) => {
                stats::write_lost(lost, self.texts.time(lost.time_ns), buffer);
            }
            Event::Blind(blind) => blind::write(blind, &mut self.texts.clock, buffer),
            Event::Stats(stats) => {
                stats::write_stats(stats, self.texts.time(stats.time_ns), buffer);
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
