//! What becomes of a signal that is sent to a process, as things are now.

use super::processes::{Process, Processes};
use crate::names::{DefaultAction, default_action};

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing: the process has ended.
    Ended,
    /// It stays pending: all threads block it.
    Blocked,
    /// Nothing: the process ignores it.
    Ignored,
    /// A handler runs.
    Caught,
    /// Nothing: the process is the init of its pid namespace and does not handle it (`pid_namespaces(7)`).
    InitWithoutHandler,
    /// It does what it does by default.
    Default(DefaultAction),
}

impl Fate {
    /// What it is for one of the signals, by its number.
    pub(super) fn of(signo: i32, process: &Process) -> Self {
        let bit = 1_u64 << (signo - 1);
        let status = &process.status;
        let default = default_action(signo);
        // An init can be killed and stopped from outside its namespace; nobody is outside the first.
        let is_init = status.ns_pid.unwrap_or(status.tgid) == 1;
        let spares_init =
            status.ns_pid.is_none() || !matches!(signo, libc::SIGKILL | libc::SIGSTOP);
        if process.has_ended() {
            Self::Ended
        } else if process.blocked & bit != 0 {
            Self::Blocked
        } else if status.ignored & bit != 0 {
            Self::Ignored
        } else if status.caught & bit != 0 {
            Self::Caught
        } else if is_init && spares_init && default != DefaultAction::Ignore {
            Self::InitWithoutHandler
        } else {
            Self::Default(default)
        }
    }

    /// Its name in JSON and in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Blocked => "blocked",
            Self::Ignored => "ignored",
            Self::Caught => "caught",
            Self::InitWithoutHandler => "init_without_handler",
            Self::Default(DefaultAction::Terminate) => "terminate",
            Self::Default(DefaultAction::Core) => "core",
            Self::Default(DefaultAction::Stop) => "stop",
            Self::Default(DefaultAction::Continue) => "continue",
            Self::Default(DefaultAction::Ignore) => "none",
        }
    }

    /// Whether it may be why a signal that was sent has no effect.
    pub(super) fn is_none(self) -> bool {
        matches!(self, Self::Blocked | Self::Ignored | Self::InitWithoutHandler)
    }
}

/// The farthest ancestor that blocks or ignores a signal as the process does, as do all between them: masks
/// and ignored signals go on through fork and execve (`signal(7)`). `None` if its parent does not. A parent is
/// the one that there is now: orphans have another one than the one that created them.
pub(super) fn inherited_from(
    signo: i32,
    fate: Fate,
    process: &Process,
    processes: &mut Processes,
) -> Option<Process> {
    let bit = 1_u64 << (signo - 1);
    let does = |ancestor: &Process| match fate {
        // A child has the mask of the thread that created it, whichever that was.
        Fate::Blocked => ancestor.blocked_by_some & bit != 0,
        Fate::Ignored => ancestor.status.ignored & bit != 0,
        _ => false,
    };
    let mut farthest: Option<Process> = None;
    let mut ppid = process.status.ppid;
    // What is read while processes come and go may go round in a circle.
    for _ in 0..MOST_ANCESTORS {
        let Some(parent) = processes.get(ppid).filter(|parent| does(parent)) else { break };
        ppid = parent.status.ppid;
        farthest = Some(parent.clone());
    }
    farthest
}

/// More than there ever are.
const MOST_ANCESTORS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pending::processes::tests::{Sample, proc};

    const TERM: &str = "0000000000004000";

    fn fate(signo: i32, more: &[(&str, &str)]) -> Fate {
        let (_root, mut processes) = proc(&[(812, 700, more)]);
        Fate::of(signo, processes.get(812).unwrap())
    }

    #[test]
    fn a_signal_that_nothing_was_done_about_does_what_it_does_by_default() {
        assert_eq!(fate(15, &[]).name(), "terminate");
        assert_eq!(fate(3, &[]).name(), "core");
        assert_eq!(fate(20, &[]).name(), "stop");
        assert_eq!(fate(18, &[]).name(), "continue");
        assert_eq!(fate(17, &[]).name(), "none");
    }

    #[test]
    fn what_is_blocked_is_not_looked_at_before_it_is_unblocked() {
        let sets = [("SigBlk", TERM), ("SigIgn", TERM), ("SigCgt", TERM)];
        assert_eq!(fate(15, &sets), Fate::Blocked);
        assert_eq!(fate(15, &sets[1..]), Fate::Ignored);
        assert_eq!(fate(15, &sets[2..]), Fate::Caught);
    }

    #[test]
    fn the_init_of_a_namespace_is_spared_what_it_does_not_handle() {
        let init = [("NSpid", "812\t1"), ("SigCgt", "0000000000000001")];
        assert_eq!(fate(15, &init), Fate::InitWithoutHandler);
        assert_eq!(fate(1, &init), Fate::Caught);
        // Which is what it would do anyway.
        assert_eq!(fate(17, &init).name(), "none");
        // From outside.
        assert_eq!(fate(9, &init).name(), "terminate");
        assert_eq!(fate(15, &[("NSpid", "812\t2")]).name(), "terminate");
        let (_root, mut processes) = proc(&[(1, 0, &[])]);
        assert_eq!(Fate::of(9, processes.get(1).unwrap()), Fate::InitWithoutHandler);
    }

    #[test]
    fn what_has_ended_gets_no_signal() {
        assert_eq!(fate(9, &[("State", "Z (zombie)"), ("SigBlk", TERM)]), Fate::Ended);
    }

    fn from(processes: &[Sample<'_>]) -> Option<u32> {
        let (_root, mut processes) = proc(processes);
        let process = processes.get(812).unwrap().clone();
        let fate = Fate::of(15, &process);
        inherited_from(15, fate, &process, &mut processes).map(|found| found.status.pid)
    }

    #[test]
    fn what_is_inherited_is_so_from_the_farthest_that_has_it() {
        let blocks: &[(&str, &str)] = &[("SigBlk", TERM)];
        let ignores: &[(&str, &str)] = &[("SigIgn", TERM)];
        assert_eq!(from(&[(812, 700, blocks), (700, 1, &[]), (1, 0, blocks)]), None);
        assert_eq!(
            from(&[(812, 700, blocks), (700, 2, blocks), (2, 1, blocks), (1, 0, &[])]),
            Some(2)
        );
        assert_eq!(from(&[(812, 700, ignores), (700, 1, ignores), (1, 0, blocks)]), Some(700));
        // Its parent is in another namespace, or gone.
        assert_eq!(from(&[(812, 0, blocks)]), None);
        // It cannot be, but it can be read.
        assert!(from(&[(812, 700, blocks), (700, 812, blocks)]).is_some());
    }
}
