//! A process in the table.

use std::rc::Rc;

use sigtrace_common::tag::{self, TICK_NS};

use crate::{
    decode::{Comm, State},
    join::{cgroup::Names, image::Image},
};

/// No more parents of a process are known.
const MAX_PARENTS: usize = 16;

/// Who has executed more programs is not recognised by its ticks alone: any number could be one of these.
const MOST_EXECS: u32 = 1 << 16;

/// When a process began, on `CLOCK_BOOTTIME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// In nanoseconds.
    Exact(u64),
    /// In hundredths of a second, as /proc has it.
    Ticks(u64),
}

impl Start {
    /// In hundredths of a second.
    pub fn ticks(self) -> u64 {
        match self {
            Self::Exact(ns) => ns / TICK_NS,
            Self::Ticks(ticks) => ticks,
        }
    }

    /// In nanoseconds, as far as it is known.
    pub fn ns(self) -> u64 {
        match self {
            Self::Exact(ns) => ns,
            Self::Ticks(ticks) => ticks.saturating_mul(TICK_NS),
        }
    }
}

/// A control group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id in the version 2 hierarchy, if it is known.
    pub id: Option<u64>,
    /// Its path, from the root of the hierarchy on.
    pub path: Box<[u8]>,
    /// What that says.
    pub names: Names,
}

/// A process that another descends from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its id.
    pub pid: u32,
    /// The name that it had when its child was created.
    pub comm: Comm,
}

/// What is known of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// When it began.
    pub start: Start,
    /// The name of its first thread.
    pub comm: Option<Comm>,
    /// Who logged in.
    pub loginuid: Option<u32>,
    /// Its id in its own pid namespace, if that is not the initial one.
    pub ns_pid: Option<u32>,
    /// Its control group.
    pub group: Option<Rc<Group>>,
    /// What it executes.
    pub image: Option<Rc<Image>>,
    /// Its parent, the parent of that, and so on, up to the leader of its session: those that they were when it
    /// was created.
    pub parents: Option<Rc<[Parent]>>,
}

/// A process in the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) start: Start,
    /// How often it has executed something, once that is known.
    pub(super) execs: Option<u32>,
    /// Until then: how often records had been lost when it was found.
    pub(super) generation: u32,
    /// Its name, and how often records had been lost then: it may have another since.
    pub(super) comm: Option<Comm>,
    pub(super) comm_at: u32,
    pub(super) session: u32,
    pub(super) ns_pid: Option<u32>,
    pub(super) loginuid: Option<u32>,
    /// Its control group, likewise.
    pub(super) group: Option<Rc<Group>>,
    pub(super) group_at: u32,
    /// Its parent, and when that began, if a record told.
    pub(super) parent: Option<(u32, u64)>,
    pub(super) parents: Option<Rc<[Parent]>>,
    pub(super) image: Option<Rc<Image>>,
    /// What it executed before, which records that were under way may mean.
    pub(super) before: Option<(u32, Rc<Image>)>,
    /// What the parents of its children are.
    pub(super) for_children: Option<Rc<[Parent]>>,
    pub(super) ended_ns: Option<u64>,
}

impl Row {
    /// One that nothing is known of.
    pub(super) fn new(start: Start) -> Self {
        Self {
            start,
            execs: None,
            generation: 0,
            comm: None,
            comm_at: 0,
            session: 0,
            ns_pid: None,
            loginuid: None,
            group: None,
            group_at: 0,
            parent: None,
            parents: None,
            image: None,
            before: None,
            for_children: None,
            ended_ns: None,
        }
    }

    /// Whether this is the process with this tag. What was not known of it is learnt from that, if no record
    /// was lost since it was found.
    pub(super) fn is(&mut self, tag: u32, generation: u32) -> bool {
        let ticks = self.start.ticks();
        if let Some(execs) = self.execs {
            let is = |execs| tag::ticks_tag(ticks, execs) == tag;
            return is(execs) || self.before.as_ref().is_some_and(|(execs, _)| is(*execs));
        }
        let execs = tag::execs(ticks, tag);
        let is_it = execs < MOST_EXECS && self.generation == generation;
        if is_it {
            self.execs = Some(execs);
        }
        is_it
    }

    /// What is known of it, by a tag that is its own.
    pub(super) fn identity(&self, tag: u32, generation: u32) -> Identity {
        let is_now = self.execs.is_some_and(|it| tag::ticks_tag(self.start.ticks(), it) == tag);
        let image = if is_now {
            self.image.clone()
        } else {
            self.before.as_ref().map(|(_, image)| Rc::clone(image))
        };
        Identity {
            start: self.start,
            comm: self.comm.filter(|_| self.comm_at == generation),
            loginuid: self.loginuid,
            ns_pid: self.ns_pid,
            group: self.group.clone().filter(|_| self.group_at == generation),
            image,
            parents: self.parents.clone(),
        }
    }

    /// What it executed when it had done so this often.
    pub(super) fn image_at(&mut self, execs: u32, generation: u32) -> Option<Rc<Image>> {
        if self.execs.is_none() && self.generation == generation {
            self.execs = Some(execs);
        }
        if self.execs == Some(execs) {
            return self.image.clone();
        }
        let before = self.before.as_ref().filter(|(it, _)| *it == execs);
        before.map(|(_, image)| Rc::clone(image))
    }

    /// It executes something else.
    pub(super) fn execute(&mut self, state: &State<'_>, image: Rc<Image>, generation: u32) {
        let before = self.execs.filter(|execs| *execs != state.who.execs);
        self.before = before.zip(self.image.take());
        self.image = Some(image);
        self.execs = Some(state.who.execs);
        (self.session, self.ns_pid, self.loginuid) = (state.session, state.ns_pid, state.loginuid);
        self.rename(state.comm, generation);
    }

    pub(super) fn rename(&mut self, comm: Comm, generation: u32) {
        (self.comm, self.comm_at) = (Some(comm), generation);
        self.for_children = None;
    }

    /// The parents of its children.
    pub(super) fn for_children(&mut self, pid: u32, generation: u32) -> Option<Rc<[Parent]>> {
        if self.comm_at != generation {
            return None;
        }
        if self.for_children.is_none() {
            let first = Parent { pid, comm: self.comm? };
            let above = self.parents.as_deref().unwrap_or_default();
            self.for_children = Some(parents_through(first, self.session, above));
        }
        self.for_children.clone()
    }

    /// Takes over what /proc says of what is not known of it.
    pub(super) fn complete(&mut self, found: Self) {
        let is_other = self.execs.is_some() && found.execs.is_some() && self.execs != found.execs;
        if self.image.is_some() || is_other {
            return;
        }
        if self.ended_ns.is_none() {
            self.start = match (self.start, found.start) {
                (Start::Ticks(_), exact) => exact,
                (exact, _) => exact,
            };
        }
        self.execs = self.execs.or(found.execs);
        self.generation = found.generation;
        self.image = found.image;
        if self.group.is_none() {
            (self.group, self.group_at) = (found.group, found.group_at);
        }
        if self.comm.is_none() {
            (self.comm, self.comm_at) = (found.comm, found.comm_at);
        }
        self.ns_pid = self.ns_pid.or(found.ns_pid);
        self.loginuid = self.loginuid.or(found.loginuid);
        self.parents = self.parents.take().or(found.parents);
        if self.session == 0 {
            self.session = found.session;
        }
    }
}

/// The parents of a process whose parent is in this session, and has those above it.
pub(super) fn parents_through(parent: Parent, session: u32, above: &[Parent]) -> Rc<[Parent]> {
    let above = if parent.pid == session { &[] } else { above };
    [parent].into_iter().chain(above.iter().copied()).take(MAX_PARENTS).collect()
}
