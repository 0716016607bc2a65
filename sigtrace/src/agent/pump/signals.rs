//! Signals that are sent and taken, and the ends of processes.

use super::Pump;
use crate::{
    agent::{deaths::Told, entry::Entry, kinds::Kind},
    decode::{self, Exit, Generate, WallClock},
    output::{self, Code, Death, Ends, Event, Sent},
};

impl Pump {
    pub(super) fn push_generate(&mut self, record: &[u8], clock: WallClock) {
        if self.is_done() {
            self.forget_sent();
            self.account.others.left_out(Kind::Generate);
            return;
        }
        if !self.allows_more(decode::uid_charged(record)) {
            self.note_unprinted(record, clock);
            self.account.others.lost(Kind::Generate);
            return;
        }
        match &mut decode::generate(record, clock) {
            Ok(generate) => {
                generate.request = generate.call_key.map(|call| self.request(call));
                generate.merged_into = generate.merged_key.map(|key| self.ids.of_signal(key));
                generate.id = self.ids.of_signal(generate.key);
                if let Some(takers) = &mut self.takers {
                    takers.note(generate, clock);
                }
                let account = &self.account;
                let known = self.known.as_mut();
                let mut ends = known.map(|it| it.ends(generate, account.processes_lost()));
                if self.deaths.is_some() {
                    self.note(*generate, ends);
                    return;
                }
                if let (Some(known), Some(ends)) = (&mut self.known, &ends)
                    && !known.selects_ends(ends)
                {
                    self.account.others.left_out(Kind::Generate);
                    return;
                }
                self.name(ends.as_mut().and_then(Ends::code), generate.target.process.uid);
                if let Some(why) = &mut self.why {
                    why.note(generate, ends.as_ref());
                }
                generate.seq = self.queue.next_seq();
                self.events += 1;
                let event = Event::Generate(generate, ends.as_ref());
                self.line(event, Entry::Other(Kind::Generate));
            }
            Err(error) => {
                tracing::error!("a signal that was sent is lost: {error}");
                self.forget_sent();
                self.account.others.lost(Kind::Generate);
            }
        }
    }

    /// Takes note of a signal that is not printed, as it can be taken all the same.
    pub(super) fn note_unprinted(&mut self, record: &[u8], clock: WallClock) {
        let Some(takers) = &mut self.takers else { return };
        match &mut decode::generate(record, clock) {
            Ok(generate) => {
                generate.id = self.ids.of_signal(generate.key);
                takers.note(generate, clock);
            }
            Err(_) => takers.forget(),
        }
    }

    /// Keeps a signal that may kill its target, or says what else it did.
    pub(super) fn note(&mut self, generate: Generate, ends: Option<Ends>) {
        let Some(deaths) = &mut self.deaths else { return };
        if let Told::Now(sent) = deaths.note(generate, ends) {
            let (mut generate, ends) = *sent;
            if let (Some(known), Some(ends)) = (&mut self.known, &ends)
                && !known.selects_end(&ends.target)
            {
                self.account.others.left_out(Kind::Generate);
                return;
            }
            generate.seq = self.queue.next_seq();
            let sent = Sent { generate: &generate, ends: ends.as_ref(), memory_group: None };
            self.line(Event::Effect(sent), Entry::Other(Kind::Generate));
        }
    }

    /// Signals were sent of which it is not known which: what calls take is not known for a while.
    fn forget_sent(&mut self) {
        if let Some(takers) = &mut self.takers {
            takers.forget();
        }
    }

    /// Says which function some code is in, of an event that is going to be told about a process of this user's.
    pub(super) fn name(&mut self, code: Option<&mut Code>, uid: u32) {
        if let Some(known) = &mut self.known {
            known.name(code, uid);
        }
    }

    /// Tells why a process ended.
    pub(super) fn tell_death(&mut self, exit: &Exit, process: Option<&output::Known>) {
        let mut sent = self.deaths.as_mut().and_then(|deaths| deaths.of(exit));
        let ends = sent.as_mut().and_then(|(_, ends)| ends.as_mut());
        self.name(ends.and_then(Ends::code), exit.process.uid);
        let memory = sent.as_ref().and_then(|(generate, _)| generate.memory?.cgroup);
        let path = memory.and_then(|id| self.known.as_ref()?.group_path(id));
        let sent = sent.as_ref().map(|(generate, ends)| Sent {
            generate,
            ends: ends.as_ref(),
            memory_group: path.as_deref(),
        });
        let death = Death { exit, process, sent };
        if let Some(why) = &mut self.why {
            why.tell(&death);
        }
        self.line(Event::Death(&death), Entry::Other(Kind::Exit));
    }

    pub(super) fn push_deliver(&mut self, record: &[u8], clock: WallClock) {
        if self.is_done() {
            self.account.others.left_out(Kind::Deliver);
            return;
        }
        if !self.allows_more(decode::uid_of_taker(record)) {
            self.account.others.lost(Kind::Deliver);
            return;
        }
        match &mut decode::deliver(record, clock) {
            Ok(deliver) => {
                if let Some(takers) = &mut self.takers {
                    takers.delivered(deliver);
                }
                let account = &self.account;
                let known = self.known.as_mut();
                let mut known = known.map(|it| it.taker(deliver, clock, account.processes_lost()));
                if let (Some(all), Some(taker)) = (&mut self.known, &known)
                    && !all.selects_end(&taker.known)
                {
                    self.account.others.left_out(Kind::Deliver);
                    return;
                }
                let handler = known.as_mut().and_then(|taker| taker.handler_at.as_mut());
                self.name(handler, deliver.thread.process.uid);
                deliver.generate = deliver.key.map(|key| self.ids.of_signal(key));
                deliver.id = self.ids.give();
                deliver.seq = self.queue.next_seq();
                self.events += 1;
                let event = Event::Deliver(deliver, known.as_ref());
                self.line(event, Entry::Other(Kind::Deliver));
            }
            Err(error) => {
                tracing::error!("a signal that was taken is lost: {error}");
                self.account.others.lost(Kind::Deliver);
            }
        }
    }

    pub(super) fn push_exit(&mut self, record: &[u8], clock: WallClock) {
        match decode::exit(record, clock) {
            Ok(_) if self.is_done() => self.account.others.left_out(Kind::Exit),
            Ok(exit) if !self.allows_more(exit.process.uid) => {
                self.account.others.lost(Kind::Exit);
            }
            Ok(exit) => {
                let account = &self.account;
                let known = self.known.as_mut();
                let known = known.map(|it| it.ended(&exit, account.processes_lost()));
                if let (Some(all), Some(ended)) = (&mut self.known, &known)
                    && !all.selects_end(ended)
                {
                    self.account.others.left_out(Kind::Exit);
                    return;
                }
                self.events += 1;
                let generate = exit.key.map(|key| self.ids.of_signal(key));
                let (id, seq) = (self.ids.give(), self.queue.next_seq());
                let exit = Exit { id, seq, generate, ..exit };
                if self.deaths.is_some() {
                    self.tell_death(&exit, known.as_ref());
                } else {
                    if let Some(why) = &mut self.why {
                        why.ended(&exit, known.as_ref());
                    }
                    self.line(Event::Exit(&exit, known.as_ref()), Entry::Other(Kind::Exit));
                }
            }
            Err(error) => {
                tracing::error!("the end of a process is lost: {error}");
                self.account.others.lost(Kind::Exit);
            }
        }
    }
}
