//! Processes that live for milliseconds, whose numbers are soon somebody else's.

use std::collections::BTreeSet;

use sigtrace_tests::death::Death;

use super::victim::{Victim, kill, own};
use crate::numbers::FewNumbers;

const COUNT: usize = 300;
/// So many numbers are there for all who begin meanwhile.
const ROOM: usize = 160;

/// Each is killed by its parent, which is us, with few numbers to go round.
pub(super) fn short_lives() {
    let few = FewNumbers::only(ROOM);
    let mut pids = BTreeSet::new();
    let mut reused = 0;
    for _ in 0..COUNT {
        let mortal = Victim::idle();
        Death::of(mortal.pid, "SIGKILL").by_call("kill", own()).write();
        reused += usize::from(!pids.insert(mortal.pid));
        kill(mortal.pid, libc::SIGKILL);
        mortal.dies_of(libc::SIGKILL);
    }
    drop(few);
    assert!(reused > 0, "no number was given out twice");
}
