//! Why processes end: ends with the signals that caused them, in the place of their ids.

use sigtrace_common::Kind;

use super::{
    Texts,
    call::{Time, write_signal},
    exit, generate,
    writer::{Object, ToJson, key},
};
use crate::{
    decode::SentCall,
    output::death::{Death, Sent},
};

/// The line of such an end, without its own.
pub(super) fn write(death: &Death<'_>, texts: &mut Texts, out: &mut Vec<u8>) {
    let sent = death.sent.as_ref();
    let mut line = exit::begin(death.exit, texts, out);
    line.written(|out| match sent {
        Some(sent) => {
            out.extend_from_slice(b",\"generate\":");
            let mut object = Object::new(out);
            object.field(key!("id"), sent.generate.id);
            object.field(key!("time"), Time(*texts.time(sent.generate.time_ns)));
            generate::fields(&mut object, sent.generate, sent.ends, texts);
            object.end();
        }
        None => out.extend_from_slice(b",\"generate\":null"),
    });
    let call = sent.and_then(|sent| sent.generate.call);
    line.field(key!("request"), call.map(Request));
    exit::end(line, death.exit, death.process, texts);
}

/// The line of a signal that ended nobody, without its end.
pub(super) fn write_effect(sent: &Sent<'_>, texts: &mut Texts, out: &mut Vec<u8>) {
    generate::write(sent.generate, sent.ends, texts, out);
}

/// A call, as far as its registers tell.
struct Request(SentCall);

impl ToJson for Request {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("syscall"), self.0.syscall().map(|syscall| syscall.name));
        object.field(key!("args"), Args(&self.0));
        object.end();
    }
}

/// Its first arguments, but for what they point to.
struct Args<'a>(&'a SentCall);

impl ToJson for Args<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut args = Object::new(out);
        for (arg, int) in self.0.ints() {
            match arg.kind {
                Kind::Signal => write_signal(&mut args, arg.name, int),
                Kind::Pid | Kind::Tid | Kind::Pidfd => args.named(arg.name, int),
                _ => {}
            }
        }
        args.end();
    }
}
