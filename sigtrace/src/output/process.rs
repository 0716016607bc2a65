//! A process, as events tell of it.

use super::code::{Code, Instruction};
use crate::{
    decode::{self, Call, Comm, Exit, Thread, WallClock},
    join::{Context, table::Identity},
};

/// A process. What is not known for certain is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The instruction that the target was at, if it is sent for that.
    pub instruction: Option<Instruction>,
}

impl Ends {
    /// Where the instruction is, if the signal is sent for one.
    pub fn code(&mut self) -> Option<&mut Code> {
        self.instruction.as_mut()?.at.as_mut()
    }
}

/// What is known of a thread that takes a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taker {
    /// Of its process.
    pub known: Known,
    /// Where its handler is.
    pub handler_at: Option<Code>,
}

/// The processes that a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// Who calls; `None` if that is not known for certain.
    pub caller: Option<Process>,
    /// Whom the call names, likewise.
    pub target: Option<Process>,
    /// Where the handler is that the call gives a signal.
    pub handler_at: Option<Code>,
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

#[cfg(test)]
pub(crate) mod sample {
    //! Processes made by hand.

    use std::rc::Rc;

    use super::*;
    use crate::join::{
        cgroup,
        image::{Args, Image},
        redact::Redaction,
        table::{Group, Parent, Start},
    };

    /// One that executes a script in a container in a container.
    pub(crate) fn identity() -> Identity {
        let id = |digit: &str| digit.repeat(64);
        let path = format!(
            "/system.slice/docker-{}.scope/kubepods.slice/kubepods-pod{}.slice/",
            id("a"),
            "b".repeat(32)
        );
        let path = format!("{path}cri-containerd-{}.scope", id("c"));
        let names = cgroup::names(&path);
        let given = b"sh\0./x.sh\0--token=t\0\xff\"\x1b[m\0";
        Identity {
            start: Start::Exact(400_000_001),
            comm: Some(Comm(*b"x.sh\0\0\0\0\0\0\0\0\0\0\0\0")),
            loginuid: Some(1000),
            ns_pid: Some(7),
            group: Some(Rc::new(Group { id: None, path: path.into_bytes().into(), names })),
            image: Some(Rc::new(Image {
                exe: Some((*b"/bin/sh\xff").into()),
                exe_deleted: true,
                script: Some((*b"./x.sh").into()),
                args: Some(Args::new(given, 900, &Redaction::default())),
            })),
            parents: Some(Rc::from([Parent { pid: 1, comm: Comm([0; 16]) }])),
        }
    }

    /// One of which nothing is known but that it is there.
    pub(crate) fn stranger() -> Identity {
        Identity {
            start: Start::Ticks(40),
            comm: None,
            loginuid: None,
            ns_pid: None,
            group: None,
            image: None,
            parents: None,
        }
    }
}
