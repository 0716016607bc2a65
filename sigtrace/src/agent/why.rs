//! Why the command ended: the signal that killed it, and who sent that.

use std::collections::VecDeque;

use super::deaths::Sent;
use crate::{
    decode::{Exit, Generate},
    output::{self, Death, Ends, Known, Users},
};

/// So many signals are kept that may have killed it.
const MAX: usize = 64;

/// What is known of it.
#[derive(Debug)]
pub(crate) struct Why {
    /// The command's process, whose number nobody else gets as long as we have not waited for it.
    pid: u32,
    /// The signals that may have killed it, and between whom they were sent.
    sent: VecDeque<Sent>,
    /// Why it ended, in words.
    said: Option<String>,
}

impl Why {
    /// Of the command that this process executes.
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid, sent: VecDeque::new(), said: None }
    }

    /// A signal is sent.
    pub(crate) fn note(&mut self, generate: &Generate, ends: Option<&Ends>) {
        if generate.target.process.pid != self.pid || generate.fatal == Some(false) {
            return;
        }
        if self.sent.len() >= MAX {
            self.sent.pop_front();
        }
        self.sent.push_back((*generate, ends.cloned()));
    }

    /// A process has ended.
    pub(crate) fn ended(&mut self, exit: &Exit, process: Option<&Known>) {
        if exit.process.pid != self.pid {
            return;
        }
        let sent = self.sent.iter().find(|(generate, _)| Some(generate.key) == exit.key);
        // Else signals are perhaps not traced.
        if let Some((generate, ends)) = sent {
            let sent = output::Sent { generate, ends: ends.as_ref(), memory_group: None };
            let death = Death { exit, process, sent: Some(sent) };
            self.said = Some(output::why(&death, &Users::of_machine()));
        }
    }

    /// The end of a process is told.
    pub(crate) fn tell(&mut self, death: &Death<'_>) {
        if death.exit.process.pid == self.pid {
            self.said = Some(output::why(death, &Users::of_machine()));
        }
    }

    /// Why it ended, if that is known.
    pub(crate) fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{
        self, WallClock,
        tests_of_exit::segfault,
        tests_of_generate::{bytes_of, terminate},
    };

    const CLOCK: WallClock = WallClock { offset_ns: 0 };

    /// The signal that the sample's end names.
    fn sent() -> Generate {
        let record = sigtrace_common::Generate { time_ns: 990_000_001, handler: 0, ..terminate() };
        decode::generate(&bytes_of(&record), CLOCK).unwrap()
    }

    fn exit() -> Exit {
        decode::exit(&segfault(&[]), CLOCK).unwrap()
    }

    #[test]
    fn why_the_command_ended_is_said_in_words() {
        let mut why = Why::new(812);
        why.note(&sent(), None);
        why.ended(&exit(), None);
        let said = why.said().unwrap_or_default();
        assert!(said.starts_with("kill(812, SIGTERM) by sh[900] ("), "{said}");
        assert!(said.ends_with(", 10 ms before"), "{said}");
    }

    #[test]
    fn nothing_is_said_of_others_or_where_it_is_not_known() {
        let mut other = Why::new(813);
        other.note(&sent(), None);
        other.ended(&exit(), None);
        assert_eq!(other.said(), None);
        let mut unknown = Why::new(812);
        unknown.ended(&exit(), None);
        assert_eq!(unknown.said(), None);
    }

    #[test]
    fn signals_that_do_not_kill_it_after_all_do_not_take_more_and_more_memory() {
        let mut why = Why::new(812);
        for _ in 0..3 * MAX {
            why.note(&sent(), None);
        }
        assert!(why.sent.len() <= MAX);
    }
}
