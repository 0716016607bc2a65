//! Where a signal comes from.
//!
//! Which members go with which signals and codes is not said here: the decoder is asked about every
//! one of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::parts::{Named, described, flags, integer, names, names_or, object, or_null, reference};
use crate::{
    decode::{Fault, Members, Rest, Siginfo, SignalfdSiginfos},
    names::{audit_arch, perf_flags::TRAP_PERF, poll::POLL, signal},
};

/// The codes to ask about: every one with a name, and some on both sides without.
const CODES: std::ops::RangeInclusive<i32> = -128..=256;

/// What some signals and codes have in common: the members that come with them.
struct Arm {
    summary: &'static str,
    members: Vec<Named>,
    signals: BTreeSet<i32>,
    codes: Vec<&'static str>,
    /// Whether there are codes without a name among them.
    unnamed: bool,
}

/// What only a siginfo_t that is sent can have.
const WRITTEN: &str = "written_signo";
const REST: &str = "rest";

/// A siginfo_t: its header, then one of the arms of its union.
pub(super) fn siginfo() -> Value {
    let mut arms = schemas(Siginfo::of);
    for arm in &mut arms {
        arm["properties"][WRITTEN] = reference("int32");
        arm["properties"][REST] = names(Rest::ALL.map(Rest::name));
        // A child can have been created to be told of by another signal.
        if arm["properties"]["utime"].is_object() {
            arm["properties"]["sig"] = reference("signal");
        }
    }
    described(
        "siginfo_t: where a signal comes from, with the members that code and signal select. In a \
         send, everything is what the sender wrote, except the signal, which is the call's: if the \
         sender wrote another number there, `written_signo` is that number. `rest` is why the kernel \
         refused it: with a code unknown to the kernel, bytes 48 to 127 must be readable and zero.",
        json!({ "oneOf": arms }),
    )
}

/// A siginfo_t that the kernel wrote.
pub(super) fn received_siginfo() -> Value {
    let mut received = reference("siginfo");
    received["properties"] = json!({ WRITTEN: false, REST: false });
    described("A siginfo_t that the kernel wrote.", received)
}

/// A struct signalfd_siginfo, which has no place for some of it.
pub(super) fn signalfd_siginfo() -> Value {
    let mut arms = schemas(SignalfdSiginfos::of);
    for arm in &mut arms {
        arm["properties"]["generate"] = taken();
    }
    described(
        "struct signalfd_siginfo: the same, as far as it has members for it.",
        json!({ "oneOf": arms }),
    )
}

/// Which signal it is that a call took.
pub(super) fn taken() -> Value {
    described(
        "The `id` of the signal as it was sent, whose event need not be in the stream; null if it is not \
         certain which that is. Present if `generate` is among --events.",
        or_null(reference("id")),
    )
}

/// A schema for each arm.
fn schemas(of: fn(i32, i32) -> Option<Siginfo>) -> Vec<Value> {
    arms(of).into_iter().map(Arm::schema).collect()
}

/// Every arm, in the order in which the decoder gives them.
fn arms(of: fn(i32, i32) -> Option<Siginfo>) -> Vec<Arm> {
    let mut arms: Vec<Arm> = Vec::new();
    let asked = (0..=signal::MAX).flat_map(|signo| CODES.map(move |code| (signo, code)));
    for info in asked.filter_map(|(signo, code)| of(signo, code)) {
        let (summary, members) = members(&info.members);
        let index = arms.iter().position(|arm| arm.summary == summary).unwrap_or_else(|| {
            let (signals, codes) = (BTreeSet::new(), Vec::new());
            arms.push(Arm { summary, members, signals, codes, unnamed: false });
            arms.len() - 1
        });
        if let Some(arm) = arms.get_mut(index) {
            arm.add(&info);
        }
    }
    arms
}

impl Arm {
    fn add(&mut self, info: &Siginfo) {
        self.signals.insert(info.signo);
        match info.code_name() {
            Some(name) if self.codes.contains(&name) => {}
            Some(name) => self.codes.push(name),
            None => self.unnamed = true,
        }
    }

    fn schema(self) -> Value {
        let own = names(self.signals.iter().filter_map(|signo| signal::name(*signo)));
        // 0 was asked about, and stands for all numbers that are no signal.
        let any = self.signals.len() > usize::try_from(signal::MAX).unwrap_or_default();
        let header = [
            ("sig", if any { or_null(reference("signal")) } else { own }),
            ("signo", reference("int32")),
            (
                "code",
                if self.unnamed {
                    names_or(self.codes, reference("int32"))
                } else {
                    names(self.codes)
                },
            ),
            ("errno", reference("int32")),
        ];
        described(self.summary, object(header.into_iter().chain(self.members)))
    }
}

/// What an arm is about, which tells it from the others, and its keys.
fn members(members: &Members) -> (&'static str, Vec<Named>) {
    let int = || reference("int32");
    let pid = || described("As the receiver's pid namespace sees it.", int());
    let uid = || reference("uint32");
    let ticks = || described("In clock ticks, 100 a second.", reference("int64"));
    let hex = || reference("hex");
    let pointer = || described("The whole word; `int` is its low half.", hex());
    match members {
        Members::Kill { .. } => (
            "Sent by a process, or by the kernel without further details.",
            vec![("pid", pid()), ("uid", uid())],
        ),
        Members::Timer { .. } => (
            "A POSIX timer ran out.",
            vec![("timerid", int()), ("overrun", int()), ("int", int()), ("ptr", pointer())],
        ),
        Members::Poll { .. } => {
            ("Something happened to a descriptor.", vec![("band", flags(&POLL)), ("fd", int())])
        }
        Members::Fault { detail, .. } => {
            let (summary, more) = fault(detail);
            (summary, [("addr", hex())].into_iter().chain(more).collect())
        }
        Members::Child { .. } => (
            "A child changed its state.",
            vec![
                ("pid", pid()),
                ("uid", uid()),
                ("status", described("Exit status, or the number of a signal.", int())),
                ("utime", ticks()),
                ("stime", ticks()),
            ],
        ),
        Members::Rt { .. } => (
            "Sent with a value.",
            vec![("pid", pid()), ("uid", uid()), ("int", int()), ("ptr", pointer())],
        ),
        Members::Sys { .. } => (
            "A system call was refused.",
            vec![
                ("call_addr", hex()),
                ("syscall", described("Its number.", int())),
                ("arch", names_or(audit_arch::NAMES.map(|(_, name)| name), hex())),
                (
                    "syscall_name",
                    described(
                        "Its name; null if it has none.",
                        or_null(json!({ "type": "string" })),
                    ),
                ),
            ],
        ),
    }
}

/// What an instruction failed of, and the keys for that.
fn fault(detail: &Fault) -> (&'static str, Vec<Named>) {
    let hex = || reference("hex");
    match detail {
        Fault::Plain => ("The processor could not execute an instruction.", vec![]),
        Fault::Memory { .. } => {
            ("Memory failed in hardware.", vec![("addr_lsb", integer(i16::MIN, i16::MAX))])
        }
        Fault::Bounds { .. } => {
            ("An address was out of bounds.", vec![("lower", hex()), ("upper", hex())])
        }
        Fault::Key { .. } => {
            ("A protection key forbade the access.", vec![("pkey", reference("uint32"))])
        }
        Fault::Perf { .. } => (
            "A perf event was told to send a signal.",
            vec![
                ("perf_data", hex()),
                ("perf_type", reference("uint32")),
                ("perf_flags", flags(&TRAP_PERF)),
            ],
        ),
    }
}
