//! What the thread blocks, as /proc tells it, and what a call makes of it.

use std::cell::Cell;
use std::io::Read as _;

use serde_json::{Map, Value};
use sigtrace_tests::names::set;

/// The calls whose events say what they block and unblock.
const CHANGING: [&str; 5] =
    ["rt_sigprocmask", "rt_sigreturn", "sigprocmask", "ssetmask", "sigreturn"];

/// Whether the event of a call of this name says what it blocks and unblocks.
pub(crate) fn are_changed_by(name: &str) -> bool {
    CHANGING.contains(&name)
}

/// The signals that the calling thread blocks: `SigBlk` in proc_pid_status(5). It can be asked on a
/// handler's stack, which may be small.
pub(crate) fn blocked() -> u64 {
    const KEY: &[u8] = b"SigBlk:\t";
    let mut file = std::fs::File::open("/proc/thread-self/status")
        .unwrap_or_else(|error| panic!("/proc/thread-self/status: {error}"));
    let (mut byte, mut matched, mut mask) = ([0], 0, 0);
    while file.read(&mut byte).is_ok_and(|count| count == 1) {
        if matched < KEY.len() {
            matched = if byte[0] == KEY[matched] { matched + 1 } else { 0 };
        } else if let Some(digit) = char::from(byte[0]).to_digit(16) {
            mask = mask << 4 | u64::from(digit);
        } else {
            return mask;
        }
    }
    panic!("/proc/thread-self/status has no SigBlk");
}

/// Puts into an event what its call made of the mask; nothing is known of one that does not return.
pub(crate) fn state(event: &mut Map<String, Value>, masks: Option<[u64; 2]>) {
    let changed = masks.map(|[before, after]| [after & !before, before & !after]);
    for (index, key) in ["mask_blocked", "mask_unblocked"].into_iter().enumerate() {
        let shown = changed.map_or(Value::Null, |changed| set(changed[index]));
        event.insert(key.into(), shown);
    }
}

thread_local! {
    /// What the handlers ran with that have not been stated yet, the first of them first, and how many
    /// there are.
    static IN_HANDLERS: Cell<([u64; 4], usize)> = const { Cell::new(([0; 4], 0)) };
}

/// Notes what is blocked in a handler, whose return will be stated.
pub(crate) fn in_handler() {
    let (mut masks, count) = IN_HANDLERS.get();
    masks[count] = blocked();
    IN_HANDLERS.set((masks, count + 1));
}

/// What was blocked in the first handler that has not been stated yet.
pub(crate) fn of_handler() -> u64 {
    let (mut masks, count) = IN_HANDLERS.get();
    assert!(count > 0, "no handler has run");
    masks.rotate_left(1);
    IN_HANDLERS.set((masks, count - 1));
    masks[3]
}
