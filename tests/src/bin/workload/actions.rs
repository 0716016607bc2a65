//! What signals do, and what calls make of that, by the calls that are made: to ask the kernel would be a call, too.
//! None of the signals that a script gives an action has one before.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use sigtrace_tests::names::{SA, flags, set, signal};

use crate::action::{Action, BLOCKABLE, DEFAULT, SIG_DFL, SIG_IGN, handler};
use crate::call::Call;

/// Flags that have names, but no effect: the kernel forgets them, or did not know them either.
const FORGOTTEN: [&str; 5] =
    ["SA_INTERRUPT", "SA_UNSUPPORTED", "SA_IMMUTABLE", "SA_X32_ABI", "SA_IA32_ABI"];

/// What signal(2) installs with its handler: SA_RESETHAND and SA_NODEFER.
const ONCE: u64 = 0xc000_0000;

/// What the signals do, from 1 on.
static ACTIONS: Mutex<[Action; 64]> = Mutex::new([DEFAULT; 64]);

fn with<T>(what: impl FnOnce(&mut [Action; 64]) -> T) -> T {
    what(&mut ACTIONS.lock().unwrap_or_else(PoisonError::into_inner))
}

fn index(signo: i32) -> Option<usize> {
    usize::try_from(signo).ok()?.checked_sub(1).filter(|index| *index < 64)
}

/// What a signal does.
pub(crate) fn of(signo: i32) -> Option<Action> {
    let index = index(signo)?;
    Some(with(|actions| actions[index]))
}

/// What a call is to make of that, as it is shown; nothing if it only asks, or what it has cannot be read. (Looking
/// into the memory would bring in what is not to be there.)
pub(crate) fn given(call: &Call) -> Option<Action> {
    if call.name == "signal" {
        let handler = word(&call.shown_now("handler")?)?;
        return Some(Action { handler, flags: ONCE, ..DEFAULT });
    }
    let act = call.shown_now("act")?;
    let bits = |key: &str, bit: fn(&str) -> Option<u64>| {
        let names = act.get(key)?.as_array()?.iter();
        names.map(|name| bit(name.as_str()?)).sum::<Option<u64>>()
    };
    Some(Action {
        handler: word(act.get("handler")?)?,
        flags: bits("flags", |name| {
            let known = SA.iter().find(|(_, known)| *known == name);
            known.map_or_else(|| hex(name), |(bit, _)| Some(*bit))
        })?,
        restorer: 0,
        mask: bits("mask", |name| {
            (1..=64).find(|signo| signal(*signo) == name).map(|signo| 1 << (signo - 1))
        })?,
    })
}

/// The word that says what to do, as it is shown.
fn word(shown: &Value) -> Option<u64> {
    match shown.as_str()? {
        "SIG_DFL" => Some(SIG_DFL),
        "SIG_IGN" => Some(SIG_IGN),
        address => hex(address),
    }
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// A call returned so that was to make `given` of a signal.
pub(crate) fn made(call: &Call, given: Option<Action>, ret: i64) {
    // With EFAULT the old action could not be written, by when the new one holds.
    let is_done =
        ret >= 0 || ret == -i64::from(libc::EFAULT) || call.name == "signal" && ret != -22;
    if let (Some(given), Some(index), true) = (given, index(call.signo()), is_done) {
        let mask = given.mask & BLOCKABLE;
        with(|actions| actions[index] = Action { mask, ..given });
    }
}

/// Whether the event of a call of this name says what it changed.
pub(crate) fn are_changed_by(name: &str) -> bool {
    matches!(name, "rt_sigaction" | "sigaction")
}

/// Puts into the event of a call what it changed, of which it is known what was so before and what is. Nothing if it
/// failed, or only asked, or what it read or wrote is not known.
pub(crate) fn state(event: &mut Map<String, Value>, name: &str, actions: Option<[Action; 2]>) {
    let is_done = event["ret"] == 0 && is_shown(&event["args"]["act"]);
    let tells = event["args"]["oldact"].is_null() || is_shown(&event["args"]["oldact"]);
    let narrow = event["abi"] != "x86_64" && event["abi"] != "aarch64";
    let changed = actions.filter(|_| is_done && tells).map(|actions| {
        let actions = actions.map(|action| as_told(action, narrow, name == "sigaction"));
        let from_to = |what: fn(&Action) -> Value| {
            let [from, to] = actions.each_ref().map(what);
            if from == to { Value::Null } else { json!({ "from": from, "to": to }) }
        };
        json!({
            "handler": from_to(|action| handler(action.handler)),
            "flags": from_to(|action| flags(action.flags, SA)),
            "mask": from_to(|action| set(action.mask)),
        })
    });
    event.insert("changed".into(), changed.unwrap_or_default());
}

/// Whether an action is there, for certain.
fn is_shown(value: &Value) -> bool {
    value.get("handler").is_some()
}

/// As much of an action as the call tells, of what the kernel knows.
fn as_told(action: Action, narrow: bool, old: bool) -> Action {
    let kept = SA.iter().filter(|(_, name)| !FORGOTTEN.contains(name));
    let known = kept.fold(0, |known, (bit, _)| known | bit);
    let half = u64::from(u32::MAX);
    Action {
        handler: if narrow { action.handler & half } else { action.handler },
        flags: action.flags & known,
        mask: if old { action.mask & half } else { action.mask },
        ..action
    }
}
