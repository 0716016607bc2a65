//! One decoded system call.

use sigtrace_common::{Abi, Access, Arg, MAX_ARGS, MAX_SIGNALFD_SIGINFOS, Outcome, Syscall};

use super::{ActionChange, Handler, SignalSet, Value, layout};
use crate::names::errno;

/// One system call, as far as it got.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call<'a> {
    /// What it is known by, unique in a run. Decoding leaves it 0, as only who prints can count.
    pub id: u64,
    /// The number of the event that tells of it, or of its return. Decoding leaves it 0 likewise.
    pub seq: u64,
    /// Wall clock at entry, in nanoseconds since 1970 (UTC).
    pub time_ns: u64,
    /// The processor on which it was entered.
    pub cpu: u32,
    /// Index of its row in the syscall table.
    pub row: usize,
    /// That row.
    pub syscall: &'static Syscall,
    /// The binary interface it was made through.
    pub abi: Abi,
    /// Caller's process id (thread group id), in the initial pid namespace.
    pub pid: u32,
    /// Caller's thread id, in the initial pid namespace.
    pub tid: u32,
    /// Caller's process and thread id in its own pid namespace, if that is not the initial one.
    pub ns: Option<NamespaceIds>,
    /// Process id of the caller's parent in the initial pid namespace, where it is known.
    pub ppid: Option<u32>,
    /// Caller's real user id, in the initial user namespace.
    pub uid: u32,
    /// Caller's real group id, in the initial user namespace.
    pub gid: u32,
    /// Caller's thread name.
    pub comm: Comm,
    /// The id of the caller's cgroup.
    pub cgroup: u64,
    /// The arguments' values; those past the call's arguments are [`Value::Null`]. See
    /// [`args`](Self::args).
    pub values: [Value<'a>; MAX_ARGS],
    /// Which of them were read when the call returned, by when others may have changed the memory.
    pub late: [bool; MAX_ARGS],
    /// Whom it is aimed at in the initial pid namespace, where that is not what an argument says
    /// and is known: the process behind a pidfd; for a caller in another namespace what the
    /// number it gave means there. A process group is negative.
    pub target: Option<i32>,
    /// The [tag](sigtrace_common::tag) of the calling process, if it was asked for.
    pub caller_tag: u32,
    /// The process that it names, if it was asked for and is known: its id, in the initial pid namespace, and its
    /// tag.
    pub named: Option<(u32, u32)>,
    /// How it ended.
    pub outcome: Return,
    /// Whom it sent a signal to, where that was counted.
    pub reach: Option<Reach>,
    /// The signals that it took, as they were sent, where that is looked for. Decoding leaves it `None`.
    pub taken: Option<Taken>,
    /// What it did to the thread's mask, if the call is there to change it
    /// ([`Syscall::changes_mask`]). `None`, too, where its return was not seen, or without BTF.
    pub mask_change: Option<MaskChange>,
    /// What it did to what a signal does, if it is there for that ([`changes_action`](Self::changes_action)). `None`,
    /// too, where its return was not seen, or it failed, or only asked, or it is not known what was so before.
    pub action_change: Option<ActionChange>,
}

impl<'a> Call<'a> {
    /// The arguments, each with its value.
    pub fn args(&self) -> impl Iterator<Item = (&'static Arg, &Value<'a>)> {
        self.syscall.args.iter().zip(&self.values)
    }

    /// Whether the call is there to change which signals its thread blocks.
    pub fn changes_mask(&self) -> bool {
        layout::of(self.row).is_some_and(|layout| layout.masks.is_some())
    }

    /// Whether the call is there to change what a signal does, and says what it did before.
    pub fn changes_action(&self) -> bool {
        layout::of(self.row).is_some_and(|layout| layout.action.is_some())
    }

    /// Whether the value of the argument with this index was read late; see [`late`](Self::late).
    pub fn is_late(&self, index: usize) -> bool {
        self.late.get(index).is_some_and(|late| *late)
    }

    /// Whether there is a [`target`](Self::target) to know: in a call on a pidfd, and in one that a
    /// caller in another pid namespace aims at a number.
    pub fn has_target(&self) -> bool {
        self.target_argument().is_some()
    }

    /// Index of the argument that [`target`](Self::target) is about, if there is one.
    pub fn target_argument(&self) -> Option<usize> {
        let layout = layout::of(self.row)?;
        layout.pidfd.or(layout.number.filter(|_| self.ns.is_some()))
    }

    /// Index of the argument that names a process, if one does: of a thread and its process the thread.
    pub fn naming_argument(&self) -> Option<usize> {
        let layout = layout::of(self.row)?;
        layout.pidfd.or(layout.number)
    }

    /// What it has a signal do, if it is there for that and is known.
    pub fn handler(&self) -> Option<Handler> {
        let inputs =
            self.args().filter(|(arg, _)| matches!(arg.access, Access::In | Access::Value));
        inputs.filter_map(|(_, value)| value.handler()).next()
    }

    /// What it returned; `None` when it returns nothing, or when that was not seen.
    pub fn ret(&self) -> Option<i64> {
        match (self.outcome, self.syscall.outcome) {
            (_, Outcome::Nothing) | (Return::Missed | Return::Unfinished, _) => None,
            // The caller has no room for the rest.
            (Return::Value { ret, .. }, Outcome::Mask) => Some(ret & i64::from(u32::MAX)),
            (Return::Value { ret, .. }, _) => Some(ret),
        }
    }

    /// The error it returned, if it did.
    pub fn errno(&self) -> Option<u16> {
        self.ret().and_then(errno::of)
    }

    /// Nanoseconds from entry to return, when the return was seen.
    pub fn duration_ns(&self) -> Option<u64> {
        match self.outcome {
            Return::Value { duration_ns, .. } => Some(duration_ns),
            Return::Missed | Return::Unfinished => None,
        }
    }

    /// Wall clock at return, in nanoseconds since 1970 (UTC), when the return was seen.
    pub fn returned_ns(&self) -> Option<u64> {
        Some(self.time_ns.saturating_add(self.duration_ns()?))
    }

    /// What is missing in it.
    pub fn holes(&self) -> Holes {
        Holes {
            return_missed: self.outcome == Return::Missed,
            unfinished: self.outcome == Return::Unfinished,
            unreadable: self.args().any(|(_, value)| matches!(value, Value::Unreadable(_))),
            read_late: self.late.contains(&true),
        }
    }
}

/// Whom a call sent a signal to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// How many processes, or threads where it names one; `None` if more than could be counted.
    pub reached: Option<u32>,
    /// How many it was not allowed to; `None` where the kernel does not say.
    pub refused: Option<u32>,
}

/// The ids of the signals that a call took, in the order in which it took them; `None` for one of which it is not
/// known which it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken([Option<u64>; MAX_SIGNALFD_SIGINFOS]);

impl Taken {
    /// With the id of the one with this index.
    pub fn put(&mut self, index: usize, id: Option<u64>) {
        if let Some(place) = self.0.get_mut(index) {
            *place = id;
        }
    }

    /// The id of the one with this index.
    pub fn id(&self, index: usize) -> Option<u64> {
        *self.0.get(index)?
    }
}

/// A caller's numbers in a pid namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamespaceIds {
    /// Its process id.
    pub pid: u32,
    /// Its thread id.
    pub tid: u32,
}

/// What a call did to the mask of its thread: what was blocked after it held against before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskChange {
    /// The signals that it blocked.
    pub blocked: SignalSet,
    /// The signals that it unblocked.
    pub unblocked: SignalSet,
}

impl MaskChange {
    /// From the masks before and after, signal n being bit n-1.
    pub fn new(before: u64, after: u64) -> Self {
        Self {
            blocked: SignalSet::Whole(after & !before),
            unblocked: SignalSet::Whole(before & !after),
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// It returned.
    Value {
        /// What the kernel function returned: a result, or a negative errno. Means nothing for
        /// calls with [`Outcome::Nothing`]; [`Call::ret`] knows.
        ret: i64,
        /// Nanoseconds from entry to return.
        duration_ns: u64,
    },
    /// It returned, or its thread ended in it, but no probe saw that.
    Missed,
    /// It was still under way when it was looked at.
    Unfinished,
}

/// What can be missing in a call. Several can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holes {
    /// Its return was not seen.
    pub return_missed: bool,
    /// It was still under way.
    pub unfinished: bool,
    /// A structure it points to could not be read.
    pub unreadable: bool,
    /// One need not be what the kernel read.
    pub read_late: bool,
}

/// A thread's name: up to 15 bytes its user chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comm(pub [u8; 16]);

impl Comm {
    /// The bytes before the terminating NUL. They need not be UTF-8.
    pub fn bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        self.0.get(..end).unwrap_or_default()
    }
}
