//! What signals do, as the kernel tells it when it is asked, and what a call makes of that.

use serde_json::{Map, Value, json};
use sigtrace_tests::names::{SA, flags, set};

use crate::action::{Action, handler};

/// Flags that have names, but no effect: the kernel forgets them, or did not know them either.
const FORGOTTEN: [&str; 5] =
    ["SA_INTERRUPT", "SA_UNSUPPORTED", "SA_IMMUTABLE", "SA_X32_ABI", "SA_IA32_ABI"];

/// Whether the event of a call of this name says what it changed.
pub(crate) fn are_changed_by(name: &str) -> bool {
    matches!(name, "rt_sigaction" | "sigaction")
}

/// What a signal does; nothing if there is no such signal. Makes a call.
pub(crate) fn of(signo: i32) -> Option<Action> {
    #[cfg(target_pointer_width = "64")]
    let mut words = [0_u64; 4];
    #[cfg(target_pointer_width = "32")]
    let mut words = [0_u32; 5];
    let nothing: *const u8 = std::ptr::null();
    // SAFETY: room for a `struct sigaction` as the kernel has it.
    let failed =
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signo, nothing, words.as_mut_ptr(), 8) };
    #[cfg(target_pointer_width = "64")]
    let [handler, flags, restorer, mask] = words;
    #[cfg(target_pointer_width = "32")]
    let [handler, flags, restorer, mask] = {
        let [handler, flags, restorer, low, high] = words.map(u64::from);
        [handler, flags, restorer, high << 32 | low]
    };
    (failed == 0).then_some(Action { handler, flags, restorer, mask })
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

/// Whether an action is there, be it read late.
fn is_shown(value: &Value) -> bool {
    value.get("handler").is_some() || value.pointer("/read_late/handler").is_some()
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
