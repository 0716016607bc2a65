//! The calls to stick in: all those that lead to memory.

use serde_json::{Value, json};
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::names::{bits, set};

use crate::action::{Action, DEFAULT, SIG_IGN};
use crate::call::{
    Call, pidfd_send_signal, read_signals, rt_sigaction, rt_sigpending, rt_sigprocmask,
    rt_sigqueueinfo, rt_sigsuspend, rt_sigtimedwait, rt_tgsigqueueinfo, sigaltstack, signalfd,
    signalfd4,
};
use crate::errno::ERESTARTNOHAND;
use crate::memory::bytes;
use crate::pointer::{Ptr, Shown, gets_set, null, unread, unreadable};
use crate::siginfo::Info;
use crate::stack;
use crate::timed::timeout;

pub(crate) const USR1: i32 = libc::SIGUSR1;
pub(crate) const USR2: i32 = libc::SIGUSR2;
/// What is done on USR2.
pub(crate) const IGNORED: Action = Action { handler: SIG_IGN, ..DEFAULT };

/// Descriptors that all threads use.
#[derive(Clone, Copy)]
pub(crate) struct Shared {
    /// Of our process.
    pub(crate) pidfd: i32,
    /// A signalfd whose mask is set again and again.
    pub(crate) set: i32,
    /// One to read [`USR1`] from.
    pub(crate) read: i32,
}

/// Who makes a call: a thread that blocks USR1 and has one pending that it sent itself.
pub(crate) struct Caller {
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    /// The address of the page that it misses.
    pub(crate) page: u64,
    pub(crate) shared: Shared,
}

/// A call to stick in.
pub(crate) struct Turn {
    /// As it is to be shown while it sticks.
    pub(crate) sticking: Call,
    pub(crate) call: Call,
    pub(crate) end: End,
    /// What its page has to begin with when it comes.
    pub(crate) content: Vec<u8>,
}

/// What makes a call of whom.
pub(crate) type MakeTurn = fn(&Caller) -> Turn;

/// How a call ends.
pub(crate) enum End {
    Returns(i64),
    Interrupted(i64),
}

/// What a call is to find in its page.
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    /// As the call was given it.
    pub(crate) shown: Value,
    /// Whether the kernel keeps it. What it does not other threads may have changed.
    pub(crate) is_kept: bool,
}

/// Those whose callers may wait anyway come first.
pub(crate) const CALLS: [MakeTurn; 12] = [
    |by| {
        let (usr1, info) = (bits(&[USR1]), by.pending().gotten());
        by.reads_and_writes(Content::set(usr1), info, USR1.into(), |set, info| {
            rt_sigtimedwait(set, info, timeout(0, 0), 8)
        })
    },
    |by| {
        let turn = by.reads(Content::set(0).kept(), 0, |mask| rt_sigsuspend(mask, 8));
        Turn { end: End::Interrupted(ERESTARTNOHAND), ..turn }
    },
    |by| {
        let (fd, mask, shown) = (by.shared.read, bits(&[USR1]), json!([by.pending().shown()]));
        by.writes(shown, 128, |room| read_signals(fd, mask, room, 128))
    },
    |by| by.reads(Content::info(), 0, |info| rt_sigqueueinfo(by.pid, 0, info)),
    |by| by.reads(Content::info(), 0, |info| rt_tgsigqueueinfo(by.pid, by.tid, 0, info)),
    |by| {
        let send = |info, target| pidfd_send_signal(by.shared.pidfd, 0, info, 0, target);
        let turn = by.reads(Content::info(), 0, |info| send(info, Some(by.pid)));
        // Where pidfds look like other files, it takes the kernel to say that it is one.
        let known = Kernel::running().has_thread_pidfds().then_some(by.pid);
        Turn { sticking: send(unreadable(by.page), known), ..turn }
    },
    |by| {
        let action = Content::new(IGNORED.bytes(), IGNORED.shown());
        by.reads_and_writes(action, IGNORED.gotten(), 0, |new, old| rt_sigaction(USR2, new, old, 8))
    },
    |by| {
        let (new, old) = (Content::set(bits(&[USR1, 34])).kept(), gets_set(bits(&[USR1])));
        by.reads_and_writes(new, old, 0, |new, old| rt_sigprocmask(2, new, old, 8))
    },
    |by| by.writes(set(bits(&[USR1])), 0, |room| rt_sigpending(room, 8)),
    |by| {
        let none = Content::new(stack::NONE.bytes(), stack::NONE.shown()).kept();
        by.reads(none, 0, |new| sigaltstack(new, null()))
    },
    |by| {
        let (fd, mask) = (by.shared.set, Content::set(bits(&[34, 64])));
        by.reads(mask, fd.into(), |mask| signalfd(fd, mask, 8))
    },
    |by| {
        let (fd, mask) = (by.shared.set, Content::set(bits(&[34, 64])));
        by.reads(mask, fd.into(), |mask| signalfd4(fd, mask, 8, 0))
    },
];

impl Content {
    pub(crate) fn new(bytes: Vec<u8>, shown: Value) -> Self {
        Self { bytes, shown, is_kept: false }
    }

    pub(crate) fn set(bits: u64) -> Self {
        Self::new(bytes(bits).into(), set(bits))
    }

    pub(crate) fn kept(self) -> Self {
        Self { is_kept: true, ..self }
    }

    /// As it is to be shown once the call has returned.
    fn shown_late(&self) -> Value {
        if self.is_kept { self.shown.clone() } else { json!({ "read_late": self.shown }) }
    }

    /// What sigqueue sends, to ask whether it could.
    fn info() -> Self {
        let info = Info::new(0, -1, json!("SI_QUEUE")).rt(4242, 7, 0x1_0000_0005);
        Self::new(info.bytes().into(), info.shown())
    }
}

impl Caller {
    /// The signal that it has pending.
    pub(crate) fn pending(&self) -> Info {
        Info::new(USR1, -6, json!("SI_TKILL")).rt(self.pid, 0, 0)
    }

    /// The turn of a call that reads from the page.
    fn reads(&self, content: Content, ret: i64, call: impl Fn(Ptr) -> Call) -> Turn {
        Turn {
            sticking: call(unreadable(self.page)),
            call: call(self.page_shown_as(content.shown_late())),
            end: End::Returns(ret),
            content: content.bytes,
        }
    }

    /// The turn of a call that reads from the page, and then writes elsewhere.
    pub(crate) fn reads_and_writes(
        &self,
        content: Content,
        old: Ptr,
        ret: i64,
        call: impl Fn(Ptr, Ptr) -> Call,
    ) -> Turn {
        Turn {
            sticking: call(unreadable(self.page), unread(old.address)),
            call: call(self.page_shown_as(content.shown_late()), old),
            end: End::Returns(ret),
            content: content.bytes,
        }
    }

    /// The turn of a call that writes to the page.
    pub(crate) fn writes(&self, shown: Value, ret: i64, call: impl Fn(Ptr) -> Call) -> Turn {
        Turn {
            sticking: call(unread(self.page)),
            call: call(self.page_shown_as(shown)),
            end: End::Returns(ret),
            content: Vec::new(),
        }
    }

    fn page_shown_as(&self, shown: Value) -> Ptr {
        Ptr { address: self.page, shown: Shown::Now(shown) }
    }
}
