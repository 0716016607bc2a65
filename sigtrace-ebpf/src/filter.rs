//! The filter. What can be decided is decided before user memory is read, and all of it before
//! room in the ring is asked for.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::{bpf_get_current_uid_gid, generated::bpf_get_current_comm};
use sigtrace_common::{
    Access, Arg, Capture, FEW, Group, Kind, MAX_ARGS, Outcome, Record, SYSCALLS, Syscall, select,
    side, undecided,
};

use crate::{
    config::{config, selects, selects_targets},
    maps::{CGROUP, COMMS, PIDS, THREADS, TIDS, UIDS},
    regs::int,
    user,
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
        while i < FEW {
            found |= value == config!($few[i]);
            i += 1;
        }
        found
    }};
}

/// By who calls the syscall in row `ROW`.
#[inline(always)]
pub fn caller<const ROW: usize>(pid: u32, tid: u32) -> Verdict {
    let filters = config!(select);
    if filters & select::NOT_SELF != 0 && pid == config!(self_pid)
        || filters & select::FEW_TIDS != 0 && !is_among!(tid, tids)
        || filters & select::TID != 0 && TIDS.get_ptr(tid).is_none()
        || filters & select::FEW_UIDS != 0 && !is_among!(uid(), uids)
        || filters & select::UID != 0 && UIDS.get_ptr(uid()).is_none()
        || filters & select::FEW_COMMS != 0 && !is_among!(comm(), comms)
        || filters & select::COMM != 0 && COMMS.get_ptr(comm()).is_none()
        || filters & select::CGROUP != 0 && !matches!(CGROUP.current_task_under_cgroup(0), Ok(true))
    {
        return Verdict::Drop;
    }
    if filters & (select::CALLER | select::EITHER | select::TARGET) == 0 {
        return Verdict::Keep;
    }
    let sides = match PIDS.get_ptr(pid) {
        // SAFETY: a value of the map; it is only ever written whole.
        Some(sides) => unsafe { *sides },
        None => 0,
    };
    if filters & select::CALLER != 0 && sides & side::CALLER == 0 {
        return Verdict::Drop;
    }
    let mut open = 0;
    if filters & select::TARGET != 0 {
        open |= side::TARGET;
    }
    if filters & select::EITHER != 0 && sides & side::EITHER == 0 {
        open |= side::EITHER;
    }
    if open == 0 {
        Verdict::Keep
    } else if const { has_target(&SYSCALLS[ROW]) } {
        Verdict::Undecided(open)
    } else {
        Verdict::Drop
    }
}

#[inline(always)]
fn uid() -> u32 {
    bpf_get_current_uid_gid() as u32
}

/// The thread's name in words. Cleared and compared by the byte it would cost many times as much;
/// cleared it must be, as kernels from 5.18 to 6.3 do not pad what they copy.
#[inline(always)]
fn comm() -> [u64; 2] {
    let mut comm = MaybeUninit::<[u64; 2]>::uninit();
    // SAFETY: plain helper; `comm` has the size given, and every byte of it is written here.
    unsafe {
        let words = comm.as_mut_ptr().cast::<u64>();
        words.write_volatile(0);
        words.add(1).write_volatile(0);
        bpf_get_current_comm(comm.as_mut_ptr().cast::<c_void>(), 16);
        comm.assume_init()
    }
}

/// By the numbers among the arguments, `verdict` being the caller's.
#[inline(always)]
pub fn arguments<const ROW: usize>(args: &[u64; MAX_ARGS], verdict: Verdict) -> Verdict {
    let row = const { &SYSCALLS[ROW] };
    if let Some(index) = const { SYSCALLS[ROW].position(Kind::Signal) } {
        let signal = int(args[index]);
        if selects(select::NO_PROBE) && row.is_in(Group::Send) && signal == 0 {
            return Verdict::Drop;
        }
        if selects(select::SIGNAL) && !in_set(signal, config!(signals)) {
            return Verdict::Drop;
        }
    } else if selects(select::SIGNAL) && const { !names_a_set(&SYSCALLS[ROW]) } {
        return Verdict::Drop;
    }
    verdict
}

/// By what the call's pointers lead to, `verdict` being that by its numbers.
#[inline(always)]
pub fn content<const ROW: usize>(record: &Record, verdict: Verdict) -> Verdict {
    let mut open = match verdict {
        Verdict::Undecided(what) => what,
        _ => 0,
    };
    if selects_targets() && open != 0 {
        open &= !target_sides(record.target as u32);
        // In a pid namespace of its own the caller's numbers are not ours.
        if record.ns_tid == 0 {
            if let Some(index) = const { SYSCALLS[ROW].position(Kind::Tid) } {
                open &= !target_sides(record.args[index] as u32);
            }
            if let Some(index) = const { SYSCALLS[ROW].position(Kind::Pid) } {
                open &= !target_sides(record.args[index] as u32);
            }
        }
    }
    if selects(select::SIGNAL) && const { SYSCALLS[ROW].position(Kind::Signal).is_none() } {
        match sets::<ROW>(record) {
            Sets::Match => {}
            Sets::NoMatch => return Verdict::Drop,
            Sets::Unreadable => open |= undecided::SIGNAL,
        }
    }
    if open == 0 { Verdict::Keep } else { Verdict::Undecided(open) }
}

/// By the outcome of a call that returned. Says whether it is left out.
#[inline(always)]
pub fn outcome<const ROW: usize>(record: &Record) -> bool {
    if selects_targets() && record.undecided & undecided::SIDES != 0 {
        return true;
    }
    if selects(select::SIGNAL)
        && record.undecided & undecided::SIGNAL != 0
        && !matches!(sets::<ROW>(record), Sets::Match)
    {
        return true;
    }
    if selects(select::MIN_DURATION) && record.duration_ns < config!(min_duration_ns) {
        return true;
    }
    // An address or a mask can look negative, too, but not so little.
    let failed = (-MAX_ERRNO..0).contains(&record.ret)
        && const { !matches!(SYSCALLS[ROW].outcome, Outcome::Nothing) };
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

enum Sets {
    Match,
    NoMatch,
    Unreadable,
}

/// Whether a set the call gives to the kernel has a selected signal.
#[inline(always)]
fn sets<const ROW: usize>(record: &Record) -> Sets {
    match const { input_set(&SYSCALLS[ROW]) } {
        Some(0) => one_set::<ROW, 0>(record),
        Some(1) => one_set::<ROW, 1>(record),
        Some(2) => one_set::<ROW, 2>(record),
        _ => Sets::NoMatch,
    }
}

#[inline(always)]
fn one_set<const ROW: usize, const INDEX: usize>(record: &Record) -> Sets {
    if const { SYSCALLS[ROW].has(INDEX, Kind::OldMask) } {
        let matches = record.args[INDEX] & config!(signals) & u64::from(u32::MAX) != 0;
        if matches { Sets::Match } else { Sets::NoMatch }
    } else if record.captures[INDEX] == Capture::Unreadable as u8 {
        Sets::Unreadable
    } else if record.captures[INDEX] == Capture::Whole as u8
        && user::set::<ROW, INDEX>(record) & config!(signals) != 0
    {
        Sets::Match
    } else {
        Sets::NoMatch
    }
}

#[inline(always)]
fn in_set(signal: i32, set: u64) -> bool {
    (1..=64).contains(&signal) && set >> ((signal - 1) as u32 & 63) & 1 != 0
}

/// The sides on which a process is selected as a target, by the number of one of its threads.
#[inline(always)]
pub fn target_sides(tid: u32) -> u32 {
    match THREADS.get_ptr(tid) {
        // SAFETY: a value of the map; it is only ever written whole.
        Some(sides) => unsafe { *sides & undecided::SIDES },
        None => 0,
    }
}

/// The argument with the set that the kernel reads, if the call has one.
const fn input_set(row: &Syscall) -> Option<usize> {
    let mut i = 0;
    while i < row.args.len() {
        let Arg { kind, access, .. } = &row.args[i];
        if matches!(kind, Kind::SignalSet | Kind::OldSignalSet | Kind::OldMask)
            && !matches!(access, Access::Out | Access::Returned)
        {
            return Some(i);
        }
        i += 1;
    }
    None
}

const fn names_a_set(row: &Syscall) -> bool {
    input_set(row).is_some()
}

/// Whether the call can be aimed at a process.
const fn has_target(row: &Syscall) -> bool {
    row.position(Kind::Pid).is_some()
        || row.position(Kind::Tid).is_some()
        || row.position(Kind::Pidfd).is_some()
}
