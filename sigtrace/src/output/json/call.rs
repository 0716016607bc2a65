//! A system call.

use sigtrace_common::Outcome;

use super::{
    Texts, View,
    caller::Caller,
    value::Read,
    writer::{Object, ToJson, foreign, key, plain},
};
use crate::{
    decode::{ActionChange, Call, Comm, MaskChange, Return, SignalSet, Value},
    names::{errno, signal},
    output::{Parties, Sets, timestamp::Text},
};

/// The line of a call, without its end.
pub(super) fn write(
    call: &Call<'_>,
    parties: Option<&Parties>,
    sets: Sets,
    texts: &mut Texts,
    caller: &mut Caller,
    out: &mut Vec<u8>,
) {
    let mut line = Object::new(out);
    line.field(key!("event"), "syscall");
    line.field(key!("id"), call.id);
    line.field(key!("time"), Time(*texts.time(call.time_ns)));
    line.field(key!("seq"), call.seq);
    line.field(key!("cpu"), call.cpu);
    line.field(key!("syscall"), call.syscall.name);
    line.field(key!("abi"), call.abi.name());
    line.written(|out| caller.write(call, out));
    line.field(key!("args"), Args { call, sets });
    if let Some(parties) = parties {
        write_parties(&mut line, call, parties, texts);
    }
    end(line, call, sets);
}

/// The line of the return of a call, without its end.
pub(super) fn write_return(call: &Call<'_>, sets: Sets, time: &Text, out: &mut Vec<u8>) {
    let mut line = Object::new(out);
    line.field(key!("event"), "return");
    line.field(key!("request"), call.id);
    line.field(key!("time"), Time(*time));
    line.field(key!("seq"), call.seq);
    line.field(key!("syscall"), call.syscall.name);
    line.field(key!("pid"), call.pid);
    line.field(key!("tid"), call.tid);
    line.field(key!("args"), Args { call, sets });
    end(line, call, sets);
}

/// Who the call is about.
fn write_parties(line: &mut Object<'_>, call: &Call<'_>, parties: &Parties, texts: &mut Texts) {
    let Parties { caller, target, handler_at } = parties;
    line.field(key!("caller"), caller.as_ref().map(|process| texts.process(process)));
    if call.syscall.names_process() {
        line.field(key!("target"), target.as_ref().map(|process| texts.process(process)));
    }
    if call.syscall.gives_action() {
        line.field(key!("handler_at"), handler_at.as_ref());
    }
}

/// What both end with: how the call ended.
fn end(mut line: Object<'_>, call: &Call<'_>, sets: Sets) {
    line.field(key!("ret"), call.ret());
    line.field(key!("error"), call.errno().map(|number| NameOr(errno::name(number), number)));
    line.field(key!("duration_ns"), call.duration_ns());
    if call.changes_mask() {
        let part = |set: fn(&MaskChange) -> &SignalSet| {
            call.mask_change.as_ref().map(|change| View { value: set(change), sets })
        };
        line.field(key!("mask_blocked"), part(|change| &change.blocked));
        line.field(key!("mask_unblocked"), part(|change| &change.unblocked));
    }
    if call.changes_action() {
        line.field(key!("changed"), call.action_change.as_ref().map(|value| View { value, sets }));
    }
    if let Some(reach) = call.reach {
        line.field(key!("reached"), reach.reached);
        line.field(key!("refused"), reach.refused);
    }
    if call.syscall.outcome == Outcome::Signal
        && let Some(taken) = call.taken
    {
        line.field(key!("generate"), taken.id(0));
    }
    match call.outcome {
        Return::Value { .. } => {}
        Return::Missed => line.field(key!("return"), "missed"),
        Return::Unfinished => line.field(key!("return"), "unfinished"),
    }
    line.end();
}

/// The arguments by name, and what is known besides.
struct Args<'a> {
    call: &'a Call<'a>,
    sets: Sets,
}

impl ToJson for Args<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut args = Object::new(out);
        for (index, (arg, value)) in self.call.args().enumerate() {
            let view = View { value, sets: self.sets };
            match value {
                Value::Signal(signo) => write_signal(&mut args, arg.name, *signo),
                Value::SignalfdSiginfos(infos) => {
                    args.named(arg.name, Read { infos, taken: self.call.taken });
                }
                _ if self.call.is_late(index) => args.named(arg.name, Late(view)),
                _ => args.named(arg.name, view),
            }
        }
        if self.call.has_target() {
            args.field(key!("target"), self.call.target);
        }
        args.end();
    }
}

impl ToJson for View<'_, ActionChange> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        let ActionChange { handler, flags, mask } = self.value;
        object.field(key!("handler"), handler.map(FromTo));
        object.field(key!("flags"), flags.map(FromTo));
        let sets =
            mask.as_ref().map(|it| it.each_ref().map(|set| View { value: set, sets: self.sets }));
        object.field(key!("mask"), sets.map(FromTo));
        object.end();
    }
}

/// What was, and what is.
struct FromTo<T>([T; 2]);

impl<T: ToJson> ToJson for FromTo<T> {
    fn write(&self, out: &mut Vec<u8>) {
        let [from, to] = &self.0;
        out.extend_from_slice(b"{\"from\":");
        from.write(out);
        out.extend_from_slice(b",\"to\":");
        to.write(out);
        out.push(b'}');
    }
}

/// A value that need not be what the kernel read.
struct Late<'a>(View<'a, Value<'a>>);

impl ToJson for Late<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.named("read_late", View { ..self.0 });
        object.end();
    }
}

/// A signal takes two keys: its name, or null if it is none, and its number.
pub(super) fn write_signal(object: &mut Object<'_>, key: &'static str, signo: i32) {
    object.named(key, signal::name(signo));
    object.field(key!("signo"), signo);
}

/// A name, or what there is without one.
pub(super) struct NameOr<T>(pub(super) Option<&'static str>, pub(super) T);

impl<T: ToJson> ToJson for NameOr<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self.0 {
            Some(name) => plain(name, out),
            None => self.1.write(out),
        }
    }
}

/// The text of a time.
pub(super) struct Time(pub(super) Text);

impl ToJson for Time {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(&self.0);
        out.push(b'"');
    }
}

impl ToJson for Comm {
    fn write(&self, out: &mut Vec<u8>) {
        foreign(self.bytes(), out);
    }
}
