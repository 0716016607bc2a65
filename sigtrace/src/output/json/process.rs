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
        timestamp::Clock,
    },
};

/// So many texts of processes are kept: a power of two.
const KEPT: usize = 16;

/// The texts of the processes that were written of late. Events in a row are mostly about the same ones.
#[derive(Default)]
pub(super) struct Processes {
    kept: [Kept; KEPT],
}

/// The text of a process.
#[derive(Default)]
struct Kept {
    /// Whose it is.
    process: Option<Process>,
    text: Vec<u8>,
}

impl Processes {
    /// The text of a process.
    pub(super) fn text(&mut self, process: &Process, clock: &mut Clock) -> Written<'_> {
        let kept = &mut self.kept[place(process)];
        if kept.process.as_ref() != Some(process) {
            kept.text.clear();
            write_process(process, clock, &mut kept.text);
            kept.process = Some(process.clone());
        }
        Written(&kept.text)
    }
}

/// Where the text of a process is kept. By Fibonacci hashing, so that those that were begun together do not take each
/// other's place, nor those that are the same process to different sides of an event, of which more or less is told.
fn place(process: &Process) -> usize {
    let sides = u32::from(process.tid.is_some()) | u32::from(process.uid.is_some()) << 1;
    let id = process.tid.unwrap_or(process.pid).wrapping_mul(4) | sides;
    (id.wrapping_mul(0x9e37_79b9) >> (u32::BITS - KEPT.trailing_zeros())) as usize
}

/// A text of JSON.
#[derive(Clone, Copy)]
pub(super) struct Written<'a>(&'a [u8]);

impl ToJson for Written<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}

fn write_process(process: &Process, clock: &mut Clock, out: &mut Vec<u8>) {
    let mut object = Object::new(out);
    object.field(key!("pid"), process.pid);
    if let Some(tid) = process.tid {
        object.field(key!("tid"), tid);
    }
    object.field(key!("start"), Time(*clock.text(process.start_ns)));
    object.field(key!("comm"), process.comm);
    object.field(key!("ppid"), process.ppid);
    object.field(key!("uid"), process.uid);
    object.field(key!("gid"), process.gid);
    if let Some(known) = &process.known {
        write_known(known, &mut object);
    }
    object.end();
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
