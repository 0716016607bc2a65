//! A process, as events tell of it.

use crate::{
    decode::{self, Call, Comm, Exit, Thread, WallClock},
    join::{Context, table::Identity},
};

/// A process. What is not known for certain is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Its id, in the initial pid namespace.
    pub pid: u32,
    /// The id of the thread that is meant, if one is.
    pub tid: Option<u32>,
    /// Wall clock when it began, in nanoseconds since 1970 (UTC).
    pub start_ns: u64,
    /// The name of its first thread.
    pub comm: Option<Comm>,
    /// Its parent.
    pub ppid: Option<u32>,
    /// Its real user id, in the initial user namespace.
    pub uid: Option<u32>,
    /// Likewise, its group's.
    pub gid: Option<u32>,
    /// What else it is, if that was asked for.
    pub known: Option<Known>,
}

/// What is known of a process besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// How much of it is wanted.
    pub context: Context,
    /// It; `None` if it is not known for certain.
    pub identity: Option<Identity>,
}

/// What is known of those between whom a signal is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Ends {
    /// Of who sends it, if that is known.
    pub sender: Option<Known>,
    /// Of whom it is sent to.
    pub target: Known,
}

/// The processes that a call is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Parties {
    /// Who calls; `None` if that is not known for certain.
    pub caller: Option<Process>,
    /// Whom the call names, likewise.
    pub target: Option<Process>,
}

impl Process {
    /// The one that calls.
    pub fn of_caller(
        call: &Call<'_>,
        identity: Identity,
        context: Context,
        clock: WallClock,
    ) -> Self {
        Self {
            pid: call.pid,
            tid: None,
            start_ns: clock.unix_ns(identity.start.ns()),
            comm: if call.tid == call.pid { Some(call.comm) } else { identity.comm },
            ppid: call.ppid,
            uid: Some(call.uid),
            gid: Some(call.gid),
            known: Some(Known { context, identity: Some(identity) }),
        }
    }

    /// The one that a call names, of which its record has no more.
    pub fn of_target(pid: u32, identity: Identity, context: Context, clock: WallClock) -> Self {
        Self {
            pid,
            tid: None,
            start_ns: clock.unix_ns(identity.start.ns()),
            comm: identity.comm,
            // They may have changed since the process was last told of.
            ppid: None,
            uid: None,
            gid: None,
            known: Some(Known { context, identity: Some(identity) }),
        }
    }

    /// The one of this thread.
    pub fn of_thread(thread: &Thread, known: Option<Known>) -> Self {
        Self { tid: Some(thread.tid), ..Self::of(&thread.process, known) }
    }

    /// The one that ended.
    pub fn of_exit(exit: &Exit, known: Option<Known>) -> Self {
        Self::of(&exit.process, known)
    }

    fn of(process: &decode::Process, known: Option<Known>) -> Self {
        Self {
            pid: process.pid,
            tid: None,
            start_ns: process.start_ns,
            comm: Some(process.comm),
            ppid: process.ppid,
            uid: Some(process.uid),
            gid: Some(process.gid),
            known,
        }
    }
}
