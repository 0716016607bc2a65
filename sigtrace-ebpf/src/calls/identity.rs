//! Targets that are selected by who they are: their name, their user, their control group.
//!
//! A call is selected if one of those it is aimed at is all that is asked for. Whom it reached the kernel
//! tells as it signals them (`target.rs`). A call that signals nobody, as it is refused or only checks,
//! counts by the one thread or process that it names; if it names a group, or everybody, nobody can tell
//! whom that would have been.

use sigtrace_common::{MAX_ARGS, NO_ARG, select, side};

use super::{
    filter::{is_among, nth, target_sides},
    namespace, pidfd,
    regs::int,
};
use crate::{
    config::{config, selects, selects_targets_by_number},
    kernel::other::Other,
    maps::{TARGET_COMMS, TARGET_UIDS},
    shapes::{ShapeRef, get},
};

/// The sides on which a thread is selected as a target, by its number and by who it is.
#[inline(always)]
pub fn sides(target: Other) -> u32 {
    let sides = if selects_targets_by_number() { target_sides(target.tid()) } else { 0 };
    let by_number = !selects(select::TARGET) || sides & side::TARGET != 0;
    if by_number && is_who_is_asked_for(target) {
        sides | side::TARGET
    } else {
        sides & !side::TARGET
    }
}

/// Whether a thread is a selected target as far as that is said by anything but its number.
#[inline(always)]
pub fn is_who_is_asked_for(target: Other) -> bool {
    let filters = config!(select);
    if filters & (select::FEW_TARGET_UIDS | select::TARGET_UID) != 0 {
        let Some(uid) = target.uid() else { return false };
        if filters & select::FEW_TARGET_UIDS != 0 && !is_among!(uid, target_uids)
            || filters & select::TARGET_UID != 0 && TARGET_UIDS.get_ptr(uid).is_none()
        {
            return false;
        }
    }
    if filters & (select::FEW_TARGET_COMMS | select::TARGET_COMM) != 0 {
        let comm = target.comm();
        if filters & select::FEW_TARGET_COMMS != 0 && !is_among!(comm, target_comms)
            || filters & select::TARGET_COMM != 0 && TARGET_COMMS.get_ptr(comm).is_none()
        {
            return false;
        }
    }
    filters & select::TARGET_CGROUP == 0 || target.is_below(config!(target_cgroup))
}

/// It is not known whom the call would reach.
pub const UNKNOWN: u32 = 0;
/// Nobody has the number.
const NOBODY: u32 = 1;
/// Who has it is no selected target.
const ANOTHER: u32 = 2;
/// Who has it is one.
pub const SELECTED: u32 = 3;

/// What the one that a call names by number is: the thread, or the process if it names none that exists.
/// [`UNKNOWN`] if it means a group, or everybody, or names somebody by other means.
#[inline(always)]
pub fn named(shape: ShapeRef, args: &[u64; MAX_ARGS]) -> u32 {
    let [process, thread] = [get!(shape, numbers[0]), get!(shape, numbers[1])];
    if process == NO_ARG && thread == NO_ARG {
        return UNKNOWN;
    }
    let number = |index| if index == NO_ARG { 0 } else { int(nth(args, index)) };
    of_numbers(number(process), number(thread))
}

/// Likewise, 0 being no number.
#[inline(never)]
fn of_numbers(process: i32, thread: i32) -> u32 {
    if process < 0 || process == 0 && thread <= 0 {
        return UNKNOWN;
    }
    let found = if thread > 0 { look_up(thread as u32) } else { NOBODY };
    if found == NOBODY && process > 0 { look_up(process as u32) } else { found }
}

/// What the one with a number in the current thread's pid namespace is.
#[inline(never)]
fn look_up(number: u32) -> u32 {
    match Other::of_pid(namespace::pid(number)) {
        Some(target) => verdict(target),
        None => NOBODY,
    }
}

/// Whether the one behind a pidfd of the current thread's is a selected target.
#[inline(never)]
pub fn has_selected_behind(fd: i32) -> bool {
    match pidfd::thread(fd) {
        Some(target) => verdict(target) == SELECTED,
        None => false,
    }
}

#[inline(always)]
fn verdict(target: Other) -> u32 {
    if sides(target) & side::TARGET == 0 { ANOTHER } else { SELECTED }
}
