//! What is to be attached where, before anything is.

use sigtrace_common::{Abi, Hook, Point, SYSCALLS, Syscall};

use super::{Mechanism, Policy, Selection, features::Features, fentry::Functions};
use crate::arch::NATIVE;

/// The plan for the selected calls. What turns out not to be possible is done otherwise.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The points of one session, each with its row.
    pub(super) session: Vec<(usize, Point)>,
    /// The points of one link of kprobe.multi, likewise.
    pub(super) multi: Vec<(usize, Point)>,
    /// The others.
    pub(super) single: Vec<Single>,
    /// Whether the kernel preempts itself, so that programs of trampolines and of tracepoints need help: it
    /// can skip them.
    pub(super) preempts: bool,
    /// What the kernel would need for what was asked for.
    pub(super) lacking: Option<&'static str>,
}

/// A point with programs of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Single {
    pub(super) row: usize,
    pub(super) point: Point,
    pub(super) mechanism: Mechanism,
}

impl Plan {
    /// By what each selected call is probed.
    pub(super) fn new(selection: &Selection, features: &Features, functions: &Functions) -> Self {
        let mut plan = Self {
            preempts: features.preempts,
            lacking: lacking(selection.policy, features),
            ..Self::default()
        };
        for &row in &selection.rows {
            let syscall = &SYSCALLS[row];
            let points = points(syscall, functions);
            for point in points {
                let wanted = selection.policy.wanted(syscall, point.abi, features);
                let mechanism = of_point(wanted, syscall.hook, &point, functions);
                match (mechanism, syscall.hook) {
                    (Mechanism::Session, _) if !syscall.has_own_session(point.abi, NATIVE) => {
                        plan.session.push((row, point));
                    }
                    (Mechanism::Multi, Hook::Entry) => plan.multi.push((row, point)),
                    _ => plan.single.push(Single { row, point, mechanism }),
                }
            }
        }
        plan
    }

    /// Whether some returns can be missed.
    pub(super) fn misses_returns(&self) -> bool {
        !self.multi.is_empty()
            || self.single.iter().any(|single| single.mechanism != Mechanism::Session)
    }
}

/// Where a call is probed, as far as the kernel's types tell: of one that is hooked in a function, of
/// which a kernel has one, only there; at the entry of x32 callers only if there is one.
pub(super) fn points(
    syscall: &'static Syscall,
    functions: &Functions,
) -> impl Iterator<Item = Point> {
    let known = |point: &Point| functions.has(point.symbol);
    let is_function = matches!(syscall.hook, Hook::Function(_));
    let one = syscall.points(NATIVE).find(known).filter(|_| is_function);
    syscall.points(NATIVE).filter(move |point| {
        let is_missing = point.abi == Abi::X32 && functions.are_known() && !known(point);
        !is_missing && one.is_none_or(|one| one == *point)
    })
}

/// By what a point is to be probed, as far as the kernel's types have its function.
pub(super) fn of_point(
    wanted: Mechanism,
    hook: Hook,
    point: &Point,
    functions: &Functions,
) -> Mechanism {
    match (wanted, hook) {
        _ if !functions.has(point.symbol) => Mechanism::Kprobe,
        // Its program tells functions apart by the numbers of calls.
        (Mechanism::Multi, Hook::Function(_)) => Mechanism::KprobeFexit,
        (Mechanism::Fentry, _) if !functions.has_entry(point.symbol) => Mechanism::KprobeFexit,
        (wanted, _) => wanted,
    }
}

/// What is not there of what was asked for.
pub(super) fn lacking(policy: Policy, features: &Features) -> Option<&'static str> {
    let many = features.access != 0;
    match policy {
        Policy::Multi if !features.multi || !many => Some(
            "this kernel has no kprobe.multi, which needs 6.2, on aarch64 6.14, and CONFIG_FPROBE",
        ),
        Policy::Session if !features.session || !many => Some(
            "this kernel has no kprobe.session, which needs 6.10, on aarch64 6.14, and CONFIG_FPROBE",
        ),
        Policy::Fentry if !features.direct => Some(
            "this kernel has no trampolines, which need CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS, on aarch64 also 6.4",
        ),
        _ => None,
    }
}
