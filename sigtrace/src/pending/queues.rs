//! Which signals are pending, for whom, at one time.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use super::processes::Processes;

/// Whose queue a signal is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A thread's: what is sent to that.
    Thread(u32),
    /// A process's: what any of its threads can take.
    Process(u32),
}

/// The signals that are pending.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Queues {
    /// The processes that were looked at.
    processes: HashSet<u32>,
    /// By queue, unless it is empty: signal n is bit n-1.
    pending: HashMap<Owner, u64>,
}

impl Queues {
    /// As they are below this directory, /proc.
    pub(crate) fn below(proc: &Path) -> Self {
        let mut processes = Processes::below(proc);
        let mut queues = Self::default();
        for pid in processes.all().unwrap_or_default() {
            let Some(process) = processes.get(pid) else { continue };
            queues.processes.insert(pid);
            let of_threads = process.thread_pending.iter();
            let of_threads = of_threads.map(|(tid, set)| (Owner::Thread(*tid), *set));
            let of_process = (Owner::Process(pid), process.status.shared_pending);
            let all = of_threads.chain([of_process]);
            queues.pending.extend(all.filter(|(_, set)| *set != 0));
        }
        queues
    }

    /// Whether a process was looked at, and this signal was not pending in this queue of its.
    pub(crate) fn is_empty(&self, pid: u32, queue: Owner, signal: i32) -> bool {
        let set = self.pending.get(&queue).copied().unwrap_or(0);
        let bit = signal.checked_sub(1).and_then(|bit| 1_u64.checked_shl(bit.cast_unsigned()));
        self.processes.contains(&pid) && bit.is_some_and(|bit| set & bit == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pending::{
        processes::tests::{add, proc},
        status::tests::text,
    };

    #[test]
    fn a_signal_is_pending_for_a_process_or_for_a_thread() {
        let two = [("Threads", "2"), ("ShdPnd", "0000000000004000")];
        let (root, _) = proc(&[(812, 1, &two), (900, 1, &[])]);
        add(root.path(), "812/task/812", &text(812, 1, &two));
        let thread = [two[0], two[1], ("Tgid", "812"), ("SigPnd", "8000000000000000")];
        add(root.path(), "812/task/813", &text(813, 1, &thread));
        let queues = Queues::below(root.path());
        let expected =
            HashMap::from([(Owner::Thread(813), 1 << 63), (Owner::Process(812), 1 << 14)]);
        assert_eq!(queues, Queues { processes: HashSet::from([812, 900]), pending: expected });
        let is_empty = |pid, queue, signal| queues.is_empty(pid, queue, signal);
        assert!(!is_empty(812, Owner::Process(812), 15) && is_empty(812, Owner::Process(812), 64));
        assert!(!is_empty(812, Owner::Thread(813), 64) && is_empty(812, Owner::Thread(812), 64));
        assert!(is_empty(900, Owner::Process(900), 15));
        // Nobody knows of one that was not looked at.
        assert!(!is_empty(901, Owner::Process(901), 15));
    }
}
