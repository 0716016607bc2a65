//! Processes that end by a signal.

use super::{
    Texts,
    call::{NameOr, Time, write_signal},
    writer::{Object, ToJson, key},
};
use crate::{
    decode::{Exit, Reason, Refused},
    names::{audit_arch, syscall},
    output::{
        hex::Hex,
        process::{Known, Process},
    },
};

/// The line of such an end, without its own.
pub(super) fn write(exit: &Exit, known: Option<&Known>, texts: &mut Texts, out: &mut Vec<u8>) {
    let mut line = begin(exit, texts, out);
    line.field(key!("generate"), exit.generate);
    end(line, exit, known, texts);
}

/// Begins the line, up to what ended the process.
pub(super) fn begin<'a>(exit: &Exit, texts: &mut Texts, out: &'a mut Vec<u8>) -> Object<'a> {
    let mut line = Object::new(out);
    line.field(key!("event"), "exit");
    line.field(key!("id"), exit.id);
    line.field(key!("time"), Time(*texts.time(exit.time_ns)));
    line.field(key!("seq"), exit.seq);
    line.field(key!("cpu"), exit.cpu);
    line
}

/// Ends the line, from there on.
pub(super) fn end(mut line: Object<'_>, exit: &Exit, known: Option<&Known>, texts: &mut Texts) {
    let process = Process::of_exit(exit, known.cloned());
    line.field(key!("reason"), exit.reason.name());
    if let Reason::Seccomp(refused) = exit.reason {
        line.field(key!("refused_call"), refused);
    }
    write_signal(&mut line, "sig", exit.signal);
    line.field(key!("core_dumped"), exit.core_dumped);
    line.field(key!("process"), texts.process(&process));
    line.end();
}

impl ToJson for Refused {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("syscall"), self.number);
        let number = Hex::new(u64::from(self.arch));
        object.field(key!("arch"), NameOr(audit_arch::name(self.arch), number));
        object.field(key!("syscall_name"), syscall::name(self.arch, self.number));
        object.end();
    }
}
