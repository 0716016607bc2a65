//! A system call.

use super::{
    View,
    writer::{Object, ToJson, foreign, plain},
};
use crate::{
    decode::{Call, Comm, Return, Value},
    names::{errno, signal},
    output::Sets,
};

/// The line of a call, without its end.
pub(super) fn write(call: &Call<'_>, sets: Sets, time: &str, out: &mut Vec<u8>) {
    let mut line = Object::new(out);
    line.field("event", "syscall");
    line.field("id", call.id);
    line.field("time", Time(time));
    line.field("seq", call.seq);
    line.field("cpu", call.cpu);
    line.field("syscall", call.syscall.name);
    line.field("abi", call.abi.name());
    line.field("pid", call.pid);
    line.field("tid", call.tid);
    if let Some(ns) = call.ns {
        line.field("ns_pid", ns.pid);
        line.field("ns_tid", ns.tid);
    }
    line.field("ppid", call.ppid);
    line.field("uid", call.uid);
    line.field("gid", call.gid);
    line.field("comm", call.comm);
    line.field("cgroup", call.cgroup);
    end(line, call, sets);
}

/// The line of the return of a call, without its end.
pub(super) fn write_return(call: &Call<'_>, sets: Sets, time: &str, out: &mut Vec<u8>) {
    let mut line = Object::new(out);
    line.field("event", "return");
    line.field("request", call.id);
    line.field("time", Time(time));
    line.field("seq", call.seq);
    line.field("syscall", call.syscall.name);
    line.field("pid", call.pid);
    line.field("tid", call.tid);
    end(line, call, sets);
}

/// What both end with: the arguments, and how the call ended.
fn end(mut line: Object<'_>, call: &Call<'_>, sets: Sets) {
    line.field("args", Args { call, sets });
    line.field("ret", call.ret());
    line.field("error", call.errno().map(|number| NameOr(errno::name(number), number)));
    line.field("duration_ns", call.duration_ns());
    match call.outcome {
        Return::Value { .. } => {}
        Return::Missed => line.field("return", "missed"),
        Return::Unfinished => line.field("return", "unfinished"),
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
        for (arg, value) in self.call.args() {
            match value {
                Value::Signal(signo) => write_signal(&mut args, arg.name, *signo),
                value => args.field(arg.name, View { value, sets: self.sets }),
            }
        }
        if self.call.has_target() {
            args.field("target", self.call.target);
        }
        args.end();
    }
}

/// A signal takes two keys: its name, or null if it is none, and its number.
pub(super) fn write_signal(object: &mut Object<'_>, key: &'static str, signo: i32) {
    object.field(key, signal::name(signo));
    object.field("signo", signo);
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
pub(super) struct Time<'a>(pub(super) &'a str);

impl ToJson for Time<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        plain(self.0, out);
    }
}

impl ToJson for Comm {
    fn write(&self, out: &mut Vec<u8>) {
        foreign(self.bytes(), out);
    }
}
