//! Signals that are sent.

use super::{
    Texts,
    call::{Time, write_signal},
    writer::{Object, ToJson, key},
};
use crate::{
    decode::{Generate, OutOfMemory, TargetState},
    output::{
        hex::Hex,
        process::{Ends, Process},
    },
};

/// The line of such a signal, without its end.
pub(super) fn write(
    generate: &Generate,
    ends: Option<&Ends>,
    texts: &mut Texts,
    out: &mut Vec<u8>,
) {
    let mut line = Object::new(out);
    line.field(key!("event"), "generate");
    line.field(key!("id"), generate.id);
    line.field(key!("time"), Time(*texts.time(generate.time_ns)));
    line.field(key!("seq"), generate.seq);
    fields(&mut line, generate, ends, texts);
    line.end();
}

/// All that there is to say of such a signal behind when it was, wherever that is said.
pub(super) fn fields(
    line: &mut Object<'_>,
    generate: &Generate,
    ends: Option<&Ends>,
    texts: &mut Texts,
) {
    let of_sender = ends.and_then(|ends| ends.sender.clone());
    let sender = generate.sender.map(|sender| Process::of_thread(&sender, of_sender));
    let target = Process::of_thread(&generate.target, ends.map(|ends| ends.target.clone()));
    line.field(key!("cpu"), generate.cpu);
    line.field(key!("request"), generate.request);
    write_signal(line, "sig", generate.signal);
    line.field(key!("info"), generate.info);
    if let Some(ends) = ends {
        let instruction = ends.instruction.as_ref();
        line.field(key!("instruction"), instruction.map(|it| Hex::new(it.address)));
        line.field(key!("instruction_at"), instruction.and_then(|it| it.at.as_ref()));
    }
    line.field(key!("directed"), if generate.to_process { "process" } else { "thread" });
    line.field(key!("outcome"), generate.outcome.name());
    line.field(key!("fatal"), generate.fatal);
    line.field(key!("cause"), generate.cause.name());
    line.field(key!("cause_certain"), generate.is_cause_certain);
    line.field(key!("call"), generate.call_name());
    if let Some(memory) = generate.memory {
        line.field(key!("memory"), memory);
    }
    line.field(key!("sender"), sender.as_ref().map(|sender| texts.process(sender)));
    line.field(key!("forged"), generate.forged);
    line.field(key!("target"), texts.process(&target));
    line.field(
        key!("target_state"),
        State { state: &generate.target_state, signal: generate.signal },
    );
    line.field(key!("merged_into"), generate.merged_into);
}

struct State<'a> {
    state: &'a TargetState,
    signal: i32,
}

impl ToJson for State<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("blocked"), self.state.blocked);
        object.field(key!("awaited"), self.state.awaited);
        object.field(key!("ignored"), self.state.ignores(self.signal));
        object.field(key!("handler"), self.state.handler);
        object.field(key!("namespace_init"), self.state.namespace_init);
        object.field(key!("stopped"), self.state.stopped);
        object.field(key!("traced"), self.state.traced);
        object.field(key!("kernel_thread"), self.state.kernel_thread);
        object.end();
    }
}

impl ToJson for OutOfMemory {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("cgroup"), self.cgroup);
        object.field(key!("limit"), self.limit_bytes());
        object.end();
    }
}
