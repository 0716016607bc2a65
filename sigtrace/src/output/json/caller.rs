//! Who made a call.

use super::writer::{Object, key};
use crate::decode::{Call, Comm, NamespaceIds};

/// What most callers' fields have room in. They are copied as a whole.
const ROOM: usize = 128;

/// Writes the fields of the caller. Calls in a row are mostly one thread's, so they are kept.
#[derive(Default)]
pub(super) struct Caller {
    /// Whose the text is.
    last: Option<Ids>,
    /// The fields, and zeros up to the room.
    text: Vec<u8>,
    /// How much of it are fields.
    length: usize,
}

/// All that the fields tell.
#[derive(PartialEq, Eq)]
struct Ids {
    pid: u32,
    tid: u32,
    ns: Option<NamespaceIds>,
    ppid: Option<u32>,
    uid: u32,
    gid: u32,
    comm: Comm,
    cgroup: u64,
}

impl Caller {
    /// Appends the fields of the one who made this call, each with a comma before it.
    #[inline]
    pub(super) fn write(&mut self, call: &Call<'_>, out: &mut Vec<u8>) {
        let &Call { pid, tid, ns, ppid, uid, gid, comm, cgroup, .. } = call;
        let ids = Ids { pid, tid, ns, ppid, uid, gid, comm, cgroup };
        if self.last.as_ref() != Some(&ids) {
            self.set(ids);
        }
        match self.text.first_chunk::<ROOM>() {
            Some(room) if self.length <= ROOM => {
                let end = out.len() + self.length;
                out.extend_from_slice(room);
                out.truncate(end);
            }
            _ => out.extend_from_slice(self.text.get(..self.length).unwrap_or_default()),
        }
    }

    fn set(&mut self, ids: Ids) {
        self.text.clear();
        let mut line = Object::more(&mut self.text);
        line.field(key!("pid"), ids.pid);
        line.field(key!("tid"), ids.tid);
        if let Some(ns) = ids.ns {
            line.field(key!("ns_pid"), ns.pid);
            line.field(key!("ns_tid"), ns.tid);
        }
        line.field(key!("ppid"), ids.ppid);
        line.field(key!("uid"), ids.uid);
        line.field(key!("gid"), ids.gid);
        line.field(key!("comm"), ids.comm);
        line.field(key!("cgroup"), ids.cgroup);
        self.length = self.text.len();
        self.text.resize(self.length.max(ROOM), 0);
        self.last = Some(ids);
    }
}
