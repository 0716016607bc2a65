//! Steps from strace's words.

mod fate;
#[cfg(test)]
mod tests;
mod value;

use serde_json::{Map, Value, json};

use crate::log::{Entry, Written};
use crate::notation::{self, Node};
use crate::step::{Source, Step, failed, unknown};
use value::Kind::{self, Action, Flags, How, Info, Number, Pidfd, Set, Signal, Stack, Timeout};

/// Arguments in strace's order, which is the kernel's.
type Signature = &'static [(&'static str, Kind)];

/// The syscalls of sigtrace.
const SYSCALLS: &[(&str, Signature)] = &[
    (
        "rt_sigaction",
        &[("sig", Signal), ("act", Action), ("oldact", Action), ("sigsetsize", Number)],
    ),
    ("rt_sigprocmask", &[("how", How), ("set", Set), ("oldset", Set), ("sigsetsize", Number)]),
    ("rt_sigreturn", &[]),
    ("rt_sigpending", &[("set", Set), ("sigsetsize", Number)]),
    (
        "rt_sigtimedwait",
        &[("set", Set), ("info", Info), ("timeout", Timeout), ("sigsetsize", Number)],
    ),
    ("rt_sigqueueinfo", &[("tgid", Number), ("sig", Signal), ("info", Info)]),
    ("rt_tgsigqueueinfo", &[("tgid", Number), ("tid", Number), ("sig", Signal), ("info", Info)]),
    ("rt_sigsuspend", &[("mask", Set), ("sigsetsize", Number)]),
    ("sigaltstack", &[("ss", Stack), ("old_ss", Stack)]),
    ("kill", &[("pid", Number), ("sig", Signal)]),
    ("tkill", &[("tid", Number), ("sig", Signal)]),
    ("tgkill", &[("tgid", Number), ("tid", Number), ("sig", Signal)]),
    ("pidfd_send_signal", &[("pidfd", Pidfd), ("sig", Signal), ("info", Info), ("flags", Flags)]),
    ("pidfd_open", &[("pid", Number), ("flags", Flags)]),
    ("signalfd", &[("fd", Number), ("mask", Set), ("sizemask", Number)]),
    ("signalfd4", &[("fd", Number), ("mask", Set), ("sizemask", Number), ("flags", Flags)]),
    ("pause", &[]),
    ("restart_syscall", &[]),
];

/// The syscalls to trace, for `-e trace=`.
pub(crate) fn syscalls() -> String {
    SYSCALLS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",")
}

/// What strace wrote, in neutral form. A thread that ends by itself takes no step by that.
pub(crate) fn step(entry: &Entry) -> Result<Option<Step<'_>>, String> {
    let source = Source::Strace(entry);
    let step = match entry {
        Entry::Call(written) => call(written, source).map(Some),
        Entry::Signal(text) => fate::signal(text, source).map(Some),
        Entry::End(text) => fate::end(text, source),
    };
    step.map_err(|error| format!("strace wrote {source}: {error}"))
}

fn call<'a>(written: &'a Written, source: Source<'a>) -> Result<Step<'a>, String> {
    let Written { name, args, result } = written;
    let nodes = notation::arguments(args)?;
    let args = match (name.as_str(), &nodes[..]) {
        // The mask is in the frame that it takes down; strace shows it as a member of that.
        ("rt_sigreturn", [frame]) => value::members(frame)?,
        // Which call it is that goes on.
        ("restart_syscall", [Node::Word(resumed)]) => {
            Map::from_iter([("resumes".into(), json!(resumed))])
        }
        // Killed as it entered the kernel, the thread took with it which call it wanted.
        ("???", []) => Map::new(),
        _ => arguments(name, &nodes)?,
    };
    Ok(Step::call(name, args, outcome(result)?, source))
}

/// Only those that strace has written: of a call that did not end it knows no outputs.
fn arguments(name: &str, nodes: &[Node]) -> Result<Map<String, Value>, String> {
    let row = SYSCALLS.iter().find(|(syscall, _)| *syscall == name);
    let (_, signature) = row.ok_or("a syscall that was not asked for")?;
    if nodes.len() > signature.len() {
        return Err("too many arguments".into());
    }
    let mut args = Map::new();
    for (&(name, kind), node) in signature.iter().zip(nodes) {
        args.extend(value::argument(name, kind, node)?);
    }
    Ok(args)
}

/// `0`, `17 (SIGCHLD)`, `-1 ESRCH (No such process)`, `? ERESTARTNOHAND (To be ...)` or `?`.
fn outcome(result: &str) -> Result<Value, String> {
    let mut words = result.split(' ');
    let first = words.next().unwrap_or_default();
    match (first, words.next()) {
        ("?", None) => Ok(unknown()),
        ("?" | "-1", Some(error)) => Ok(failed(error)),
        // Of a new pidfd it also says whose it is.
        _ => value::descriptor(first).map(|(number, _)| json!({ "ret": number })),
    }
}
