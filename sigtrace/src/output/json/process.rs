//! Processes.

use super::{
    call::Time,
    writer::{Bytes, Object, ToJson, array, key},
};
use crate::{
    join::{
        Context,
        cgroup::{Container, Outermost},
        image::Args,
        table::{Identity, Parent},
    },
    output::{
        process::{Known, Process},
        timestamp::{Clock, Text},
    },
};

/// A process, with the text of the time when it began.
pub(super) struct Timed<'a> {
    process: &'a Process,
    start: Text,
}

impl<'a> Timed<'a> {
    pub(super) fn new(process: &'a Process, clock: &mut Clock) -> Self {
        Self { process, start: *clock.text(process.start_ns) }
    }
}

impl ToJson for Timed<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("pid"), self.process.pid);
        if let Some(tid) = self.process.tid {
            object.field(key!("tid"), tid);
        }
        object.field(key!("start"), Time(self.start));
        object.field(key!("comm"), self.process.comm);
        object.field(key!("ppid"), self.process.ppid);
        object.field(key!("uid"), self.process.uid);
        object.field(key!("gid"), self.process.gid);
        if let Some(known) = &self.process.known {
            write_known(known, &mut object);
        }
        object.end();
    }
}

/// The text of the process that was written last. Calls in a row are mostly about the same ones.
#[derive(Default)]
pub(super) struct Kept {
    /// Whose the text is.
    last: Option<Process>,
    text: Vec<u8>,
}

impl Kept {
    /// The text of a process.
    pub(super) fn text(&mut self, process: &Process, clock: &mut Clock) -> Written<'_> {
        if self.last.as_ref() != Some(process) {
            self.text.clear();
            Timed::new(process, clock).write(&mut self.text);
            self.last = Some(process.clone());
        }
        Written(&self.text)
    }
}

/// A text of JSON.
#[derive(Clone, Copy)]
pub(super) struct Written<'a>(&'a [u8]);

impl ToJson for Written<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}

fn write_known(known: &Known, object: &mut Object<'_>) {
    let identity = known.identity.as_ref();
    let image = identity.and_then(|identity| identity.image.as_deref());
    let group = identity.and_then(|identity| identity.group.as_deref());
    let names = group.map(|group| &group.names);
    let unit = names.and_then(|names| names.unit.as_ref());
    let user_unit = names.and_then(|names| names.user_unit.as_ref());
    let exe = image.and_then(|image| image.exe.as_deref());
    object.field(key!("exe"), exe.map(Bytes));
    object.field(key!("exe_deleted"), exe.and(image).map(|image| image.exe_deleted));
    object.field(key!("script"), image.and_then(|image| image.script.as_deref()).map(Bytes));
    if known.context == Context::Full {
        let args = image.and_then(|image| image.args.as_ref());
        object.field(key!("cmdline"), args.map(Cmdline));
        object.field(key!("cmdline_truncated"), args.map(|args| args.truncated));
        object.field(key!("cmdline_redacted"), args.map(|args| args.redacted));
    }
    object.field(key!("loginuid"), identity.and_then(|identity| identity.loginuid));
    object.field(key!("cgroup"), group.map(|group| Bytes(&group.path)));
    object.field(key!("unit"), unit.map(|unit| Bytes(unit.as_bytes())));
    object.field(key!("user_unit"), user_unit.map(|unit| Bytes(unit.as_bytes())));
    object.field(key!("container"), names.and_then(|names| names.container.as_ref()));
    object.field(key!("ns_pid"), identity.and_then(|identity| identity.ns_pid));
    object.field(key!("parents"), identity.and_then(Parents::of));
}

/// The arguments.
struct Cmdline<'a>(&'a Args);

impl ToJson for Cmdline<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        array(self.0.iter().map(Bytes), out);
    }
}

/// The parents.
struct Parents<'a>(&'a [Parent]);

impl<'a> Parents<'a> {
    fn of(identity: &'a Identity) -> Option<Self> {
        identity.parents.as_deref().map(Self)
    }
}

impl ToJson for Parents<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        array(self.0.iter().copied(), out);
    }
}

impl ToJson for Parent {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("pid"), self.pid);
        object.field(key!("comm"), self.comm);
        object.end();
    }
}

impl ToJson for &Container {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("runtime"), self.runtime);
        object.field(key!("probable"), self.probable);
        object.field(key!("id"), Bytes(self.id.as_bytes()));
        object.field(key!("name"), self.name.as_ref().map(|name| Bytes(name.as_bytes())));
        object.field(key!("pod"), self.pod.as_ref().map(|pod| Bytes(pod.as_bytes())));
        object.field(key!("role"), self.role.name());
        object.field(key!("outermost"), self.outermost.as_ref());
        object.end();
    }
}

impl ToJson for &Outermost {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("runtime"), self.runtime);
        object.field(key!("id"), Bytes(self.id.as_bytes()));
        object.end();
    }
}
