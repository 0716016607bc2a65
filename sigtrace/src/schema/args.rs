//! The arguments of each call.

use serde_json::{Value, json};
use sigtrace_common::{Access, Arg, Kind, SYSCALLS, Syscall};

use super::parts::{
    Named, any_of, described, flags, integer, names_or, object, or_null, reference,
};
use crate::names::{how, pidfd, sfd::SFD};

/// The name of the definition of a call's arguments.
pub(super) fn definition(row: &Syscall) -> String {
    format!("args.{}", row.name)
}

/// The name of the definition of what `args` are, by `syscall`.
pub(super) const BY_CALL: &str = "args";

/// The definitions of all calls' arguments, and of which call has which.
pub(super) fn definitions() -> impl Iterator<Item = (String, Value)> {
    let rows = SYSCALLS.iter().map(|row| (definition(row), described(row.summary, args(row))));
    [(BY_CALL.to_owned(), described("Each call has its own.", by_call()))].into_iter().chain(rows)
}

fn by_call() -> Value {
    let arguments = SYSCALLS.iter().map(|row| {
        json!({
            "if": { "properties": { "syscall": { "const": row.name } } },
            "then": { "properties": { "args": reference(&definition(row)) } },
        })
    });
    json!({ "allOf": arguments.collect::<Value>() })
}

/// The arguments of one call, and what is known besides: behind a pidfd there is always somebody to
/// know, behind a number only if the caller's is another namespace.
fn args(row: &'static Syscall) -> Value {
    let target = described(
        "The target of the call, in the initial pid namespace, if known; a process group is negative.",
        or_null(any_of(vec![integer(i32::MIN, -1), integer(1, i32::MAX)])),
    );
    let keys = row.args.iter().flat_map(keys);
    let is_aimed = |kind| row.position(kind).is_some();
    if is_aimed(Kind::Pidfd) {
        return object(keys.chain([("target", target)]));
    }
    let mut args = object(keys);
    if is_aimed(Kind::Pid) || is_aimed(Kind::Tid) {
        args["properties"]["target"] = target;
    }
    args
}

/// The keys of one argument.
fn keys(arg: &'static Arg) -> impl Iterator<Item = Named> {
    let number = "The signal's number, even if it is not a valid one.";
    let signo = ("signo", described(number, reference("int32")));
    let value = match arg.access {
        Access::Value => value(arg),
        Access::In => {
            let late = described(
                "The memory was read when the call returned. Others may have changed it by then, so it may \
                 differ from what the kernel read.",
                object([("read_late", value(arg))]),
            );
            any_of(vec![value(arg), late, reference("not_read")])
        }
        Access::Out | Access::Frame => any_of(vec![value(arg), reference("not_read")]),
        Access::Kernel => described("Null if it could not be found.", or_null(value(arg))),
        Access::Returned => {
            described("What the call returned; null if that is an error.", or_null(value(arg)))
        }
    };
    let key = (arg.name, value);
    [key].into_iter().chain((arg.kind == Kind::Signal).then_some(signo))
}

/// The value of an argument, or of what it points to.
fn value(arg: &Arg) -> Value {
    match arg.kind {
        Kind::Pid => described(
            "A process, or a group, as the caller's pid namespace sees it.",
            reference("int32"),
        ),
        Kind::Tid => {
            described("A thread, as the caller's pid namespace sees it.", reference("int32"))
        }
        Kind::Fd => described("A file descriptor.", reference("int32")),
        Kind::Pidfd => described("A file descriptor of a process.", reference("int32")),
        Kind::Size => described("In bytes.", reference("uint64")),
        Kind::Signal => {
            described("Null if the number is not a signal's.", or_null(reference("signal")))
        }
        Kind::How => names_or((0..).map_while(how::name), reference("int32")),
        Kind::SignalfdFlags => flags(&SFD),
        Kind::PidfdSignalFlags => flags(&pidfd::SIGNAL),
        Kind::PidfdOpenFlags => flags(&pidfd::OPEN),
        Kind::Int => described("Without a meaning.", reference("int32")),
        Kind::SignalSet | Kind::OldSignalSet | Kind::OldMask => reference("set"),
        Kind::Handler => reference("handler"),
        Kind::Sigaction | Kind::OldSigaction => reference("sigaction"),
        Kind::Siginfo if arg.access == Access::Out => reference("received_siginfo"),
        Kind::Siginfo => reference("siginfo"),
        Kind::Stack => reference("stack"),
        Kind::Timespec | Kind::Timespec64 => reference("timespec"),
        Kind::SignalfdSiginfo => reference("signalfd_siginfos"),
    }
}
