//! The filter. What can be decided is decided before user memory is read, and all of it before
//! room in the ring is asked for.

use sigtrace_common::{Capture, MAX_ARGS, NO_ARG, Record, flag, select, side, undecided};

use super::{
    identity,
    late::may_have_used,
    masks,
    regs::int,
    user::{self, place},
};
use crate::{
    config::{
        config, selects, selects_targets, selects_targets_by_identity, selects_targets_by_number,
    },
    kernel::{other::Other, task::Task},
    maps::{CGROUP, COMMS, PIDS, THREADS, TIDS, UIDS, may_be_selected},
    shapes::{ShapeRef, get, has},
};

/// The largest errno (`include/linux/err.h`).
const MAX_ERRNO: i64 = 4095;

/// What the filter says so far.
#[derive(Clone, Copy)]
pub enum Verdict {
    /// Selected.
    Keep,
    /// Left out.
    Drop,
    /// Selected once these bits of [`undecided`] are settled.
    Undecided(u32),
}

/// Whether a value is among the few in that member of the configuration.
macro_rules! is_among {
    ($value:expr, $few:ident) => {{
        let value = $value;
        let mut found = false;
        let mut i = 0;
        while i < sigtrace_common::FEW {
            found |= value == config!($few[i]);
            i += 1;
        }
        found
    }};
}
pub(super) use is_among;

/// By who calls. `has_target` says whether the call can be aimed at a process.
#[inline(always)]
pub fn caller(pid: u32, tid: u32, has_target: impl FnOnce() -> bool) -> Verdict {
    let filters = config!(select);
    if filters & select::FEW_TIDS != 0 && !is_among!(tid, tids)
        || filters & select::TID != 0 && TIDS.get_ptr(tid).is_none()
        || filters & select::FEW_UIDS != 0 && !is_among!(Task::current().uid(), uids)
        || filters & select::UID != 0 && UIDS.get_ptr(Task::current().uid()).is_none()
        || filters & select::FEW_COMMS != 0 && !is_among!(Task::current().comm(), comms)
        || filters & select::COMM != 0 && COMMS.get_ptr(Task::current().comm()).is_none()
        || filters & select::CGROUP != 0 && !matches!(CGROUP.current_task_under_cgroup(0), Ok(true))
    {
        return Verdict::Drop;
    }
    let by_target = select::TARGET | select::TARGET_IDENTITY;
    if filters & (select::CALLER | select::EITHER | by_target) == 0 {
        return Verdict::Keep;
    }
    let sides = sides_of(pid);
    if filters & select::CALLER != 0 && sides & side::CALLER == 0 {
        return Verdict::Drop;
    }
    let mut open = 0;
    if filters & by_target != 0 {
        open |= side::TARGET;
    }
    if filters & select::EITHER != 0 && sides & side::EITHER == 0 {
        open |= side::EITHER;
    }
    if open == 0 {
        Verdict::Keep
    } else if has_target() {
        Verdict::Undecided(open)
    } else {
        Verdict::Drop
    }
}

/// Whether the end of a process by this signal is selected: by what the process was, its first thread being
/// `leader`. It is who the signal hit, so that the filters for targets say which; without any of these
/// the ones for callers do.
#[inline(always)]
pub fn ended(pid: u32, signal: i32, uid: u32, comm: [u64; 2], leader: Other) -> bool {
    let filters = config!(select);
    if filters & select::SIGNAL != 0 && !in_set(signal, config!(signals)) {
        return false;
    }
    let by_number = select::EITHER | select::CALLER | select::TARGET;
    let sides = if filters & by_number != 0 { sides_of(pid) } else { 0 };
    if filters & select::EITHER != 0 && sides & side::EITHER == 0 {
        return false;
    }
    if filters & (select::TARGET | select::TARGET_IDENTITY) != 0 {
        return (filters & select::TARGET == 0 || sides & side::TARGET != 0)
            && identity::is_who_is_asked_for(leader);
    }
    !(filters & select::CALLER != 0 && sides & side::CALLER == 0
        || filters & select::FEW_TIDS != 0 && !is_among!(pid, tids)
        || filters & select::TID != 0 && TIDS.get_ptr(pid).is_none()
        || filters & select::FEW_UIDS != 0 && !is_among!(uid, uids)
        || filters & select::UID != 0 && UIDS.get_ptr(uid).is_none()
        || filters & select::FEW_COMMS != 0 && !is_among!(comm, comms)
        || filters & select::COMM != 0 && COMMS.get_ptr(comm).is_none()
        || filters & select::CGROUP != 0
            && !matches!(CGROUP.current_task_under_cgroup(0), Ok(true)))
}

/// Whether a signal is selected that `caller` sends to a thread, or that the kernel does if there is none: what
/// is asked for of callers is true of none then.
#[inline(always)]
pub fn sent(
    signal: i32,
    caller: Option<(u32, u32)>,
    target: Other,
    (target_pid, target_tid): (u32, u32),
) -> bool {
    const BY_CALLER: u64 = select::CALLER
        | select::FEW_TIDS
        | select::TID
        | select::FEW_UIDS
        | select::UID
        | select::FEW_COMMS
        | select::COMM
        | select::CGROUP;
    if selects(select::SIGNAL) && !in_set(signal, config!(signals)) {
        return false;
    }
    let open = match caller {
        Some((pid, tid)) => match self::caller(pid, tid, || true) {
            Verdict::Drop => return false,
            Verdict::Keep => 0,
            Verdict::Undecided(open) => open,
        },
        None if selects(BY_CALLER) => return false,
        None => open_sides(),
    };
    if open == 0 {
        return true;
    }
    let mut sides = 0;
    if selects_targets_by_number() {
        sides = sides_of(target_pid) | target_sides(target_tid);
    }
    if selects_targets_by_identity() && open & side::TARGET != 0 {
        let by_number = !selects(select::TARGET) || sides & side::TARGET != 0;
        let is_selected = by_number && identity::is_who_is_asked_for(target);
        sides = sides & !side::TARGET | if is_selected { side::TARGET } else { 0 };
    }
    open & !sides == 0
}

/// The sides on which somebody has to be selected, whoever calls.
#[inline(always)]
fn open_sides() -> u32 {
    let by_target = selects(select::TARGET | select::TARGET_IDENTITY);
    let target = if by_target { side::TARGET } else { 0 };
    target | if selects(select::EITHER) { side::EITHER } else { 0 }
}

/// The sides on which a process is selected.
#[inline(always)]
fn sides_of(pid: u32) -> u32 {
    if !may_be_selected(pid) {
        return 0;
    }
    match PIDS.get_ptr(pid) {
        // SAFETY: a value of the map; it is only ever written whole.
        Some(sides) => unsafe { *sides },
        None => 0,
    }
}

/// Whether any filter looks at the numbers among the arguments.
#[inline(always)]
pub fn looks_at_arguments() -> bool {
    selects(select::NO_PROBE | select::SIGNAL) || selects_targets()
}

/// By the numbers among the arguments, `open` being what the caller left undecided.
#[inline(always)]
pub fn arguments(shape: ShapeRef, args: &[u64; MAX_ARGS], open: u32) -> Verdict {
    let mut open = open;
    let index = get!(shape, signal);
    if selects(select::SIGNAL | select::NO_PROBE) {
        if index != NO_ARG {
            let signal = int(nth(args, index));
            if selects(select::NO_PROBE) && has(shape, flag::SENDS) && signal == 0 {
                return Verdict::Drop;
            }
            if selects(select::SIGNAL) && !in_set(signal, config!(signals)) {
                return Verdict::Drop;
            }
        } else if selects(select::SIGNAL) && get!(shape, set.arg) == NO_ARG {
            return Verdict::Drop;
        }
    }
    if selects_targets_by_identity() && open & side::TARGET != 0 {
        match identity::named(shape, args) {
            identity::SELECTED => open &= !side::TARGET,
            identity::UNKNOWN => {}
            _ => return Verdict::Drop,
        }
    }
    // If identities are asked for, a target that is still open has no number of its own.
    if selects_targets_by_number() && open != 0 && names_nobody_selected(shape, args) {
        return Verdict::Drop;
    }
    if open == 0 { Verdict::Keep } else { Verdict::Undecided(open) }
}

/// An argument that is not in memory: the verifier wants no index into the stack that it does not
/// know.
#[inline(always)]
pub fn nth(args: &[u64; MAX_ARGS], index: u8) -> u64 {
    match index {
        0 => args[0],
        1 => args[1],
        2 => args[2],
        _ => args[3],
    }
}

/// Whether the numbers in the call tell that it is aimed at none of the selected targets: they are
/// numbers of one process or thread each, in the initial namespace. Whom a process group, or every
/// process, comes to is seen only when they are reached.
#[inline(always)]
fn names_nobody_selected(shape: ShapeRef, args: &[u64; MAX_ARGS]) -> bool {
    let [process, thread] = [get!(shape, numbers[0]), get!(shape, numbers[1])];
    if process == NO_ARG && thread == NO_ARG {
        return false;
    }
    let is_nobody = |index| {
        let named = int(nth(args, index));
        named > 0 && target_sides(named as u32) == 0
    };
    (process == NO_ARG || is_nobody(process))
        && (thread == NO_ARG || is_nobody(thread))
        // Where no namespace is known, each is the initial one only as far as we know.
        && config!(offsets.task_thread_pid) != 0
        && Task::current().level() == 0
}

/// By what the call's pointers lead to, `open` being what is undecided by its numbers.
#[inline(always)]
pub fn content(shape: ShapeRef, record: &Record, open: u32) -> Verdict {
    let mut open = open;
    if selects_targets_by_number() && open != 0 {
        open &= !settled_by_number(record.target as u32);
        // In a pid namespace of its own the caller's numbers are not ours.
        if record.ns_tid == 0 {
            for index in [get!(shape, numbers[0]), get!(shape, numbers[1])] {
                if index != NO_ARG {
                    open &= !settled_by_number(user::arg(record, index) as u32);
                }
            }
        }
    }
    if selects_by_change(shape) {
        // A call that names no set changes nothing.
        if has(shape, flag::TELLS_OLD_MASK) && names_no_set(shape, record) {
            return Verdict::Drop;
        }
        open |= undecided::SIGNAL;
    } else if selects(select::SIGNAL) && get!(shape, signal) == NO_ARG {
        match sets(shape, record) {
            Sets::Match => {}
            Sets::NoMatch => return Verdict::Drop,
            Sets::Unreadable => open |= undecided::SIGNAL,
        }
    }
    if open == 0 { Verdict::Keep } else { Verdict::Undecided(open) }
}

/// By the outcome of a call that returned. Says whether it is left out.
#[inline(always)]
pub fn outcome(shape: ShapeRef, record: &mut Record) -> bool {
    if selects_targets() && record.undecided & undecided::SIDES != 0 {
        return true;
    }
    if selects(select::SIGNAL) && record.undecided & undecided::SIGNAL != 0 {
        let selected = if selects_by_change(shape) {
            masks::changed(shape, record) & config!(signals) != 0
        } else {
            matches!(sets(shape, record), Sets::Match)
                || may_have_used(record, place!(shape, set), record.ret)
        };
        if !selected {
            return true;
        }
    }
    if selects(select::MIN_DURATION) && record.duration_ns < config!(min_duration_ns) {
        return true;
    }
    if !selects(select::FAILED | select::ERROR) {
        return false;
    }
    // An address or a mask can look negative, too, but not so little.
    let failed = (-MAX_ERRNO..0).contains(&record.ret) && !has(shape, flag::RETURNS_NOTHING);
    if selects(select::FAILED) && !failed {
        return true;
    }
    selects(select::ERROR) && !(failed && error_selected(record.ret.wrapping_neg() as u64))
}

/// As [`outcome`], for a call whose return is not known: what needs the return does not count
/// against it.
#[inline(always)]
pub fn unreturned(record: &Record) -> bool {
    selects_targets() && record.undecided & undecided::SIDES != 0
}

#[inline(always)]
fn error_selected(errno: u64) -> bool {
    let mut word = 0;
    // One comparison a word: an index the verifier has to bound costs more.
    let wanted = errno / 64;
    let mut i = 0;
    while i < sigtrace_common::ERROR_WORDS {
        if wanted == i as u64 {
            word = config!(errors[i]);
        }
        i += 1;
    }
    word >> (errno % 64) & 1 != 0
}

/// Whether `--signal` selects calls of this shape by the signals that they block or unblock.
#[inline(always)]
fn selects_by_change(shape: ShapeRef) -> bool {
    selects(select::SIGNAL)
        && !selects(select::IN_SET)
        && has(shape, flag::CHANGES_MASK)
        && masks::are_known()
}

#[inline(always)]
fn names_no_set(shape: ShapeRef, record: &Record) -> bool {
    let index = get!(shape, set.arg) as usize & (MAX_ARGS - 1);
    record.captures[index] == Capture::None as u8
}

enum Sets {
    Match,
    NoMatch,
    Unreadable,
}

/// Whether a set the call gives to the kernel has a selected signal.
#[inline(always)]
fn sets(shape: ShapeRef, record: &Record) -> Sets {
    let place = place!(shape, set);
    if place.arg == NO_ARG {
        return Sets::NoMatch;
    }
    let capture = record.captures[place.arg as usize & (MAX_ARGS - 1)];
    let matches = if place.size == 0 {
        user::arg(record, place.arg) & config!(signals) & u64::from(u32::MAX) != 0
    } else if capture == Capture::Unreadable as u8 {
        return Sets::Unreadable;
    } else {
        capture == Capture::Whole as u8 && user::set(record, place) & config!(signals) != 0
    };
    if matches { Sets::Match } else { Sets::NoMatch }
}

#[inline(always)]
fn in_set(signal: i32, set: u64) -> bool {
    (1..=64).contains(&signal) && set >> ((signal - 1) as u32 & 63) & 1 != 0
}

/// The sides that are settled by the number of a target alone: what else is asked for is not known by it.
#[inline(always)]
fn settled_by_number(tid: u32) -> u32 {
    let by_number = if selects_targets_by_identity() { side::EITHER } else { undecided::SIDES };
    target_sides(tid) & by_number
}

/// The sides on which a process is selected as a target, by the number of one of its threads.
#[inline(always)]
pub fn target_sides(tid: u32) -> u32 {
    if !may_be_selected(tid) {
        return 0;
    }
    match THREADS.get_ptr(tid) {
        // SAFETY: a value of the map; it is only ever written whole.
        Some(sides) => unsafe { *sides & undecided::SIDES },
        None => 0,
    }
}
