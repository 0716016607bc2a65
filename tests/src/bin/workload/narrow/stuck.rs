//! The calls to stick in that only 32-bit programs have.

use sigtrace_tests::names::{bits, set};

use super::actions::gotten;
use super::call::{gets_mask, old, rt_sigtimedwait_time64, sigaction, sigpending, sigprocmask};
use super::waits::timeout;
use crate::stuck::turns::{Content, IGNORED, MakeTurn, USR1, USR2};

/// Signals whose numbers the old calls know.
const BLOCKED: [i32; 2] = [USR1, libc::SIGTERM];

/// All of them that lead to memory.
pub(crate) const CALLS: [MakeTurn; 4] = [
    |by| {
        let (usr1, info) = (Content::set(bits(&[USR1])), by.pending().gotten());
        by.reads_and_writes(usr1, info, USR1.into(), |set, info| {
            rt_sigtimedwait_time64(set, info, timeout(0, 0), 8)
        })
    },
    |by| {
        let action = Content::new(old(IGNORED), IGNORED.shown());
        by.reads_and_writes(action, gotten(IGNORED), 0, |new, old| sigaction(USR2, new, old))
    },
    |by| {
        let (new, usr1) = (bits(&BLOCKED), bits(&[USR1]) as u32);
        let content = Content::new((new as u32).to_ne_bytes().into(), set(new)).kept();
        by.reads_and_writes(content, gets_mask(usr1), 0, |new, old| sigprocmask(2, new, old))
    },
    |by| by.writes(set(bits(&[USR1])), 0, sigpending),
];
