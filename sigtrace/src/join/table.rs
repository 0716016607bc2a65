//! The processes that there are, and those that were until a moment ago.
//!
//! A process is known by its number and the time when it began, and what it executes by how often it has done
//! so: by its [tag](sigtrace_common::tag), which the records that name it carry. What does not match exactly is
//! unknown, and counted: records are lost, and numbers are used again.
//!
//! Rows come from records, and at the start from /proc. What /proc said was so at some time before the records
//! were looked at, so that a record is always right against it. /proc has the time of a start in ticks only,
//! and not how often a process has executed something: that is learnt from the first record that names the
//! process, unless a record could have been lost since.

mod row;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
};

use sigtrace_common::tag::TICK_NS;

use super::{
    cgroup,
    image::{Args, Image},
    procfs::Found,
    redact::Redaction,
};
use crate::{
    decode::{Change, Comm, Exec, Path, State},
    numbered::Map,
};
pub use row::{Group, Identity, Parent, Start};
use row::{Row, parents_through};

/// No more processes are known at a time, those that have ended included.
pub const ROOM: usize = 32_768;

/// How long a process is known after its end: far longer than what is in the ring stays there.
const KEPT_NS: u64 = 30_000_000_000;

/// With more groups than this those are forgotten that no process is in.
const GROUPS: usize = 4096;

/// The table.
#[derive(Debug)]
pub struct Table {
    /// By number, those that began last at the end.
    rows: Map<u32, Vec<Row>>,
    /// How many that are.
    length: usize,
    room: usize,
    /// Those that have ended, in the order in which that was told.
    ended: VecDeque<Ended>,
    /// The control groups that records have told of, by their ids.
    groups: Map<u64, Rc<Group>>,
    redaction: Redaction,
    /// How many records were lost when that was last asked.
    lost: u64,
    /// The number of times at which that had grown.
    generation: u32,
    /// Whether what /proc says is still to come.
    is_starting: bool,
    missed: u64,
}

/// A row to be removed.
#[derive(Debug)]
struct Ended {
    time_ns: u64,
    pid: u32,
    start: Start,
}

impl Table {
    /// An empty one, which takes arguments like these for secrets.
    pub fn new(redaction: Redaction) -> Self {
        Self::with_room(redaction, ROOM)
    }

    fn with_room(redaction: Redaction, room: usize) -> Self {
        Self {
            rows: Map::default(),
            length: 0,
            room,
            ended: VecDeque::new(),
            groups: Map::default(),
            redaction,
            lost: 0,
            generation: 0,
            is_starting: true,
            missed: 0,
        }
    }

    /// How many processes are known.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How often a process was asked for that is not known.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Takes note of how many records were lost so far, in all. Before what follows them is looked at.
    pub fn note_lost(&mut self, lost: u64) {
        if lost > self.lost {
            self.lost = lost;
            self.generation = self.generation.wrapping_add(1);
        }
    }

    /// The process with this number and this tag, `None` if that is not known for certain; in the control group
    /// with this id, if that is known.
    pub fn get(&mut self, pid: u32, tag: u32, cgroup: Option<u64>) -> Option<Identity> {
        let generation = self.generation;
        let rows = self.rows.get_mut(&pid).map(Vec::as_mut_slice).unwrap_or_default();
        // Which is decided before the borrow is given away.
        let at = rows.iter_mut().rposition(|row| tag != 0 && row.is(tag, generation));
        match at.and_then(|at| rows.get(at)) {
            Some(row) => {
                let identity = row.identity(tag, generation);
                let told = cgroup.and_then(|id| self.groups.get(&id)).cloned();
                let is_other = |group: &Rc<Group>| group.id.is_some() && group.id != cgroup;
                let group = match cgroup {
                    Some(_) => told.or(identity.group.clone().filter(|group| !is_other(group))),
                    None => identity.group.clone(),
                };
                Some(Identity { group, ..identity })
            }
            None => {
                self.missed += 1;
                None
            }
        }
    }

    /// The control group with this id, if a record told of it.
    pub fn group_with(&self, id: u64) -> Option<&Group> {
        self.groups.get(&id).map(|group| &**group)
    }

    /// Notes what a record tells.
    pub fn change(&mut self, change: &Change<'_>) {
        match change {
            Change::Fork(state, creator) => self.fork(state, *creator),
            Change::Exec(state, exec) => self.exec(state, exec),
            Change::Move(state) => {
                let (group, generation) = (self.group(state), self.generation);
                if let Some(row) = self.row(state.who.pid, state.who.start_ns) {
                    (row.group, row.group_at) = (group, generation);
                }
            }
            Change::Rename { pid, start_ns, comm } => {
                let generation = self.generation;
                if let Some(row) = self.row(*pid, *start_ns) {
                    row.rename(*comm, generation);
                }
            }
            Change::End { pid, start_ns, time_ns } => self.end(*pid, *start_ns, *time_ns),
        }
    }

    fn fork(&mut self, state: &State<'_>, creator: (u32, u64)) {
        let generation = self.generation;
        let told = self.group(state);
        let mut row = self.new_row(state);
        if let Some(creator) = self.row(creator.0, creator.1) {
            row.image = creator.image_at(state.who.execs, generation);
            let has_same = state.cgroup_path == Path::Missing && creator.group_at == generation;
            let same = creator.group.clone().filter(|_| has_same);
            row.group = told.or(same);
        } else {
            row.group = told;
        }
        row.group_at = generation;
        self.insert(state.who.pid, state.time_ns, row);
    }

    fn exec(&mut self, state: &State<'_>, exec: &Exec<'_>) {
        let image = Rc::new(Image {
            exe: exec.exe.bytes().map(Vec::into_boxed_slice),
            exe_deleted: exec.exe_deleted,
            script: exec.script.map(Box::from),
            args: exec.args.map(|(bytes, total)| Args::new(bytes, total, &self.redaction)),
        });
        let (group, generation) = (self.group(state), self.generation);
        if self.row(state.who.pid, state.who.start_ns).is_none() {
            let row = self.new_row(state);
            self.insert(state.who.pid, state.time_ns, row);
        }
        if let Some(row) = self.row(state.who.pid, state.who.start_ns) {
            row.execute(state, image, generation);
            (row.group, row.group_at) = (group, generation);
        }
    }

    fn end(&mut self, pid: u32, start_ns: u64, time_ns: u64) {
        if let Some(row) = self.row(pid, start_ns) {
            if row.ended_ns.replace(time_ns).is_none() {
                let start = row.start;
                self.ended.push_back(Ended { time_ns, pid, start });
            }
        } else if self.is_starting {
            // So that what /proc still says of it makes it no living one.
            let row = Row { ended_ns: Some(time_ns), ..Row::new(Start::Exact(start_ns)) };
            self.insert(pid, time_ns, row);
            self.ended.push_back(Ended { time_ns, pid, start: Start::Exact(start_ns) });
        }
    }

    /// A row of a process that a record is the first to tell of.
    fn new_row(&mut self, state: &State<'_>) -> Row {
        let generation = self.generation;
        let parents = match state.parent {
            None => Some(Rc::from([])),
            Some((pid, start_ns)) => {
                self.row(pid, start_ns).and_then(|row| row.for_children(pid, generation))
            }
        };
        Row {
            execs: Some(state.who.execs),
            comm: Some(state.comm),
            comm_at: generation,
            session: state.session,
            ns_pid: state.ns_pid,
            loginuid: state.loginuid,
            parent: state.parent,
            parents,
            ..Row::new(Start::Exact(state.who.start_ns))
        }
    }

    /// The row of the process that began then, which from then on is known to the nanosecond.
    fn row(&mut self, pid: u32, start_ns: u64) -> Option<&mut Row> {
        let rows = self.rows.get_mut(&pid)?;
        let exact = rows.iter().rposition(|row| row.start == Start::Exact(start_ns));
        let ticks = Start::Ticks(start_ns / TICK_NS);
        let at = exact.or_else(|| rows.iter().rposition(|row| row.start == ticks))?;
        let row = rows.get_mut(at)?;
        if row.ended_ns.is_none() {
            row.start = Start::Exact(start_ns);
        }
        Some(row)
    }

    /// The control group that a record tells of.
    fn group(&mut self, state: &State<'_>) -> Option<Rc<Group>> {
        let known = self.groups.get(&state.cgroup);
        let Some(path) = state.cgroup_path.bytes() else { return known.cloned() };
        if let Some(known) = known.filter(|group| *group.path == *path) {
            return Some(Rc::clone(known));
        }
        if self.groups.len() >= GROUPS {
            self.groups.retain(|_, group| Rc::strong_count(group) > 1);
        }
        let group = Rc::new(Group::new(Some(state.cgroup), path));
        if self.groups.len() < GROUPS {
            self.groups.insert(state.cgroup, Rc::clone(&group));
        }
        Some(group)
    }

    fn insert(&mut self, pid: u32, time_ns: u64, row: Row) {
        self.forget(time_ns);
        // Its number is another's now: that it ended was not told.
        let rows = self.rows.get_mut(&pid).map(Vec::as_mut_slice).unwrap_or_default();
        for old in rows.iter_mut().filter(|old| old.ended_ns.is_none() && old.start != row.start) {
            old.ended_ns = Some(time_ns);
            self.ended.push_back(Ended { time_ns, pid, start: old.start });
        }
        if let Some(same) = rows.iter_mut().find(|old| old.start == row.start) {
            *same = row;
        } else if self.length < self.room {
            // Most numbers are of one process, and a list makes room for four.
            let rows = self.rows.entry(pid).or_default();
            rows.reserve_exact(1);
            rows.push(row);
            self.length += 1;
        }
    }

    /// Ends those that are not there any more, of whose end nothing was told.
    pub fn reap(&mut self, is_there: impl Fn(u32) -> bool, now_ns: u64) {
        for (&pid, rows) in &mut self.rows {
            let mut living = rows.iter_mut().filter(|row| row.ended_ns.is_none()).peekable();
            if living.peek().is_none() || is_there(pid) {
                continue;
            }
            for row in living {
                row.ended_ns = Some(now_ns);
                self.ended.push_back(Ended { time_ns: now_ns, pid, start: row.start });
            }
        }
    }

    /// Whether there is no room for another that lives.
    pub fn is_full(&self) -> bool {
        self.length >= self.room
    }

    /// Makes room: of those that have ended long ago, or, if there is none, of the first that have.
    fn forget(&mut self, now_ns: u64) {
        while let Some(first) = self.ended.front() {
            let is_old = now_ns.saturating_sub(first.time_ns) > KEPT_NS;
            if !is_old && self.length < self.room {
                return;
            }
            let Some(Ended { pid, start, .. }) = self.ended.pop_front() else { return };
            let Some(rows) = self.rows.get_mut(&pid) else { continue };
            let before = rows.len();
            rows.retain(|row| row.ended_ns.is_none() || row.start != start);
            self.length -= before - rows.len();
            if rows.is_empty() {
                self.rows.remove(&pid);
            }
        }
    }

    /// Notes what /proc said, once the records are noted of what happened meanwhile: what they tell stays.
    pub fn add_found(&mut self, found: Vec<Found>, time_ns: u64) {
        let by_pid: HashMap<u32, usize> =
            found.iter().enumerate().map(|(at, found)| (found.pid, at)).collect();
        let mut parents: HashMap<u32, Option<Rc<[Parent]>>> = HashMap::new();
        let mut groups = HashMap::new();
        for process in &found {
            parents_found(process.pid, &found, &by_pid, &mut parents);
        }
        for process in found {
            let parents = parents.get(&process.pid).cloned().flatten();
            self.add_one(process, parents, &mut groups, time_ns);
        }
        self.look_for_parents();
    }

    /// Finds the parents of processes that a record told of before anything was known of those.
    fn look_for_parents(&mut self) {
        let orphans = self.rows.iter().flat_map(|(pid, rows)| {
            let is_orphan = |row: &&Row| row.parents.is_none();
            rows.iter().filter(is_orphan).filter_map(|row| Some((*pid, row.start, row.parent?)))
        });
        let mut orphans: Vec<_> = orphans.collect();
        // Parents before their children.
        orphans.sort_unstable_by_key(|(_, start, _)| start.ns());
        let generation = self.generation;
        for (pid, start, (parent, parent_start)) in orphans {
            let parents = self
                .row(parent, parent_start)
                .and_then(|parent_row| parent_row.for_children(parent, generation));
            let rows = self.rows.get_mut(&pid).map(Vec::as_mut_slice).unwrap_or_default();
            if let Some(row) = rows.iter_mut().find(|row| row.start == start) {
                row.parents = parents;
            }
        }
    }

    fn add_one(
        &mut self,
        found: Found,
        parents: Option<Rc<[Parent]>>,
        groups: &mut HashMap<Vec<u8>, Rc<Group>>,
        time_ns: u64,
    ) {
        let generation = self.generation;
        let start = match found.exact {
            Some((start_ns, _)) => Start::Exact(start_ns),
            None => Start::Ticks(found.start_ticks),
        };
        // Most are in a few.
        let group = found.cgroup.map(|path| {
            let new = || Rc::new(Group::new(found.cgroup_id, path.clone()));
            Rc::clone(groups.entry(path.clone()).or_insert_with(new))
        });
        if let (Some(id), Some(group)) = (found.cgroup_id, &group)
            && self.groups.len() < GROUPS
        {
            self.groups.entry(id).or_insert_with(|| Rc::clone(group));
        }
        let row = Row {
            execs: found.exact.map(|(_, execs)| execs),
            generation,
            comm: Some(comm(&found.comm)),
            comm_at: generation,
            session: found.session,
            ns_pid: found.ns_pid,
            loginuid: found.loginuid,
            parents,
            image: Some(Rc::new(found.image)),
            group,
            group_at: generation,
            ..Row::new(start)
        };
        let rows = self.rows.get_mut(&found.pid).map(Vec::as_mut_slice).unwrap_or_default();
        let is_same = |row: &&mut Row| match (row.start, start) {
            (Start::Exact(one), Start::Exact(other)) => one == other,
            _ => row.start.ticks() == found.start_ticks,
        };
        let mut same = rows.iter_mut().filter(is_same);
        match (same.next(), same.next()) {
            (None, _) => self.insert(found.pid, time_ns, row),
            (Some(same), None) => same.complete(row),
            // One of these it is, and there is no telling which.
            (Some(_), Some(_)) => {}
        }
    }

    /// The processes that live and of which it is not known what they execute: those that were created while
    /// /proc was looked at.
    pub fn unknown(&self) -> Vec<u32> {
        let is_unknown = |row: &Row| row.image.is_none() && row.ended_ns.is_none();
        self.rows
            .iter()
            .filter(|(_, rows)| rows.iter().any(is_unknown))
            .map(|(pid, _)| *pid)
            .collect()
    }

    /// All that /proc said is noted.
    pub fn started(&mut self) {
        self.is_starting = false;
    }
}

/// The parents of a process, as /proc has them.
fn parents_found(
    pid: u32,
    found: &[Found],
    by_pid: &HashMap<u32, usize>,
    known: &mut HashMap<u32, Option<Rc<[Parent]>>>,
) {
    // From the process upwards until something is known, and down again. A process has no more parents than
    // there are processes: what says otherwise was read while it changed.
    let mut line = Vec::new();
    let mut at = pid;
    while !known.contains_key(&at) && line.len() <= found.len() {
        let Some(process) = by_pid.get(&at).and_then(|at| found.get(*at)) else { break };
        line.push(process);
        at = process.ppid;
    }
    for process in line.into_iter().rev() {
        let parent = by_pid.get(&process.ppid).and_then(|at| found.get(*at));
        let parents = match parent {
            _ if process.ppid == 0 => Some(Rc::from([])),
            None => None,
            Some(parent) => known.get(&parent.pid).cloned().flatten().map(|above| {
                let first = Parent { pid: parent.pid, comm: comm(&parent.comm) };
                parents_through(first, parent.session, &above)
            }),
        };
        known.insert(process.pid, parents);
    }
}

/// The name of a thread, of which the kernel has no more bytes.
fn comm(name: &[u8]) -> Comm {
    let mut comm = Comm([0; 16]);
    for (to, from) in comm.0.iter_mut().zip(name.iter().take(15)) {
        *to = *from;
    }
    comm
}

impl Group {
    fn new(id: Option<u64>, path: Vec<u8>) -> Self {
        let names = cgroup::names(&String::from_utf8_lossy(&path));
        Self { id, path: path.into(), names }
    }
}
