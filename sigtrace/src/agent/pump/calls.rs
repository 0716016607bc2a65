//! Calls, and their returns.

use std::collections::HashSet;

use super::Pump;
use crate::{
    agent::{
        clock::{self, now_ns},
        entry::Entry,
        told::Met,
    },
    decode::{self, Call, CallKey, Glance, WallClock},
    output::Event,
};
use sigtrace_common::State;

impl Pump {
    /// Tells of a call that is under way, from its thread's slot, which is to be in the state
    /// [`State::Entered`]. Its return is an event of its own when it comes. Says whether it was
    /// told: not if it was before, nor past `--max-events`, nor if `--max-output-rate` leaves no room. As the
    /// programs take it for told, it is booked then.
    pub(crate) fn tell_unfinished(&mut self, record: &[u8]) -> bool {
        let Some(Glance { key, state: State::Entered, .. }) = Glance::at(record) else {
            return false;
        };
        self.advance(now_ns(clock::KERNEL));
        if self.told.knows(key) {
            return false;
        }
        let is_done = self.is_done();
        if is_done || !self.allows_more(decode::uid(record)) {
            if is_done {
                self.account.left_out(1);
            } else {
                self.limit(record);
            }
            self.told.remember_lost(key);
            return false;
        }
        let clock = self.offset.refresh();
        match &mut decode::call(record, clock) {
            Ok(call) => {
                let entry = Entry::Unfinished(call.row, call.holes(), key);
                let id = self.call(call, clock, entry, || Some(key));
                match id {
                    Some(id) => self.told.remember(key, id),
                    None => self.told.remember_lost(key),
                }
                id.is_some()
            }
            Err(error) => {
                tracing::error!("a call that is under way is lost: {error}");
                self.account.undecodable(1);
                self.told.remember_lost(key);
                false
            }
        }
    }

    /// Forgets calls that were told of, are not among those `under_way` any more and whose return
    /// was lost. `under_way` is what all slots held just now.
    pub(crate) fn retain_told(&mut self, under_way: &HashSet<CallKey>) {
        self.told.retain(under_way, now_ns(clock::KERNEL));
    }

    pub(super) fn push_call(&mut self, record: &[u8], clock: WallClock) {
        match self.told.meet(record) {
            Met::New if self.is_done() => self.account.left_out(1),
            // Before it is decoded, so that a flood costs little.
            Met::New if !self.allows_more(decode::uid(record)) => self.limit(record),
            // By reference: a call is large, and moving it takes longer than decoding it.
            Met::New => match &mut decode::call(record, clock) {
                Ok(call) => {
                    let entry = Entry::Call(call.row, call.holes());
                    self.call(call, clock, entry, || Some(Glance::at(record)?.key));
                }
                Err(error) => {
                    tracing::error!("a record from the kernel is lost: {error}");
                    self.account.undecodable(1);
                }
            },
            Met::Return(_) if !self.allows_more(decode::uid(record)) => self.account.return_lost(),
            Met::Return(id) => match &mut decode::call(record, clock) {
                Ok(call) => self.returned(id, call, clock),
                Err(error) => {
                    tracing::error!("the return of a call is lost: {error}");
                    self.account.return_lost();
                }
            },
            Met::Known => {}
        }
    }

    /// Books a call that the limit leaves no room for.
    pub(super) fn limit(&mut self, record: &[u8]) {
        self.account.rate_limited(1);
        self.crowd.add_losses(decode::lost(record).map(|entry| (entry, 1)));
    }

    /// Prints a call, unless it is left out by who it is about. Returns the id it is given. `key` tells it from
    /// others.
    pub(super) fn call(
        &mut self,
        call: &mut Call<'_>,
        clock: WallClock,
        entry: Entry,
        key: impl FnOnce() -> Option<CallKey>,
    ) -> Option<u64> {
        self.find_taken(call, clock);
        let account = &self.account;
        let parties = self.known.as_mut();
        let mut parties = parties.map(|it| it.parties(call, clock, account.processes_lost()));
        if let (Some(known), Some(parties)) = (&mut self.known, &parties)
            && !known.selects(call, parties)
        {
            self.account.left_out(1);
            return None;
        }
        self.name(parties.as_mut().and_then(|it| it.handler_at.as_mut()), call.uid);
        call.id = self.ids.of_call(key);
        self.events += 1;
        call.seq = self.queue.next_seq();
        self.line(Event::Call(call, parties.as_ref()), entry);
        Some(call.id)
    }

    /// Finds out which signals a call took.
    pub(super) fn find_taken(&mut self, call: &mut Call<'_>, clock: WallClock) {
        if let Some(takers) = &mut self.takers {
            takers.find(call, clock, || self.account.signals_unseen());
        }
    }

    /// Prints the return of a call that was printed with this id.
    pub(super) fn returned(&mut self, id: u64, call: &mut Call<'_>, clock: WallClock) {
        self.find_taken(call, clock);
        call.id = id;
        call.seq = self.queue.next_seq();
        let time_ns = call.returned_ns().unwrap_or_else(|| now_ns(libc::CLOCK_REALTIME));
        self.line(Event::Return { call, time_ns }, Entry::Return);
    }

    /// The id of a call that something is done in.
    pub(super) fn request(&mut self, call: CallKey) -> u64 {
        self.told.id(call).unwrap_or_else(|| self.ids.refer_to(call))
    }
}
