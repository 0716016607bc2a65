//! The processes that there are, as /proc has them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::status::Status;

/// A process with its threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// Its name: bytes that it chose.
    pub(super) comm: Vec<u8>,
    /// What is said of its first thread, and of the whole.
    pub(super) status: Status,
    /// Threads for which signals are pending, by their ids.
    pub(super) thread_pending: BTreeMap<u32, u64>,
    /// Signals that all of its threads block.
    pub(super) blocked: u64,
    /// Signals that some of them block.
    pub(super) blocked_by_some: u64,
}

impl Process {
    /// All signals that are pending for it, or for one of its threads.
    pub(super) fn pending(&self) -> u64 {
        self.thread_pending.values().fold(self.status.shared_pending, |all, set| all | set)
    }

    /// Whether it is a thread of the kernel, which signals do nothing to unless it asks for them.
    fn is_of_kernel(&self) -> bool {
        // The first thread of a process has no memory any more when it has ended, whether others go on or not.
        !self.status.has_memory && !matches!(self.status.state, 'Z' | 'X')
    }

    /// Whether it has ended, and only waits for its parent.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.status.state, 'Z' | 'X') && self.status.threads <= 1
    }
}

/// Processes by their ids.
#[derive(Debug)]
pub(super) struct Processes {
    root: PathBuf,
    known: BTreeMap<u32, Option<Process>>,
}

impl Processes {
    /// Those below this directory, /proc, each read when it is asked for.
    pub(super) fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), known: BTreeMap::new() }
    }

    /// The ids of all that are not the kernel's, in order.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub(super) fn all(&mut self) -> io::Result<Vec<u32>> {
        let mut pids: Vec<u32> = fs::read_dir(&self.root)?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        pids.sort_unstable();
        pids.retain(|&pid| self.get(pid).is_some_and(|process| !process.is_of_kernel()));
        Ok(pids)
    }

    /// The process with this id, or the one that a thread with it is of; `None` if there is none any more.
    pub(super) fn get(&mut self, pid: u32) -> Option<&Process> {
        if !self.known.contains_key(&pid) {
            let process = self.read(pid);
            self.known.insert(pid, process);
        }
        self.known.get(&pid)?.as_ref()
    }

    fn read(&self, pid: u32) -> Option<Process> {
        let status = self.status(&pid.to_string())?;
        let status =
            if status.tgid == status.pid { status } else { self.status(&status.tgid.to_string())? };
        let directory = self.root.join(status.tgid.to_string());
        let mut comm = fs::read(directory.join("comm")).ok()?;
        if comm.last() == Some(&b'\n') {
            comm.pop();
        }
        let threads = if status.threads > 1 { self.threads(status.tgid) } else { Vec::new() };
        let (first, rest) = threads.split_first().unwrap_or((&status, &[]));
        let thread_pending = [first].into_iter().chain(rest).filter(|thread| thread.pending != 0);
        Some(Process {
            comm,
            thread_pending: thread_pending.map(|thread| (thread.pid, thread.pending)).collect(),
            blocked: rest.iter().fold(first.blocked, |all, thread| all & thread.blocked),
            blocked_by_some: rest.iter().fold(first.blocked, |some, thread| some | thread.blocked),
            status,
        })
    }

    /// The threads that have not ended: the first one of a process can before the others.
    fn threads(&self, pid: u32) -> Vec<Status> {
        let Ok(tasks) = fs::read_dir(self.root.join(format!("{pid}/task"))) else {
            return Vec::new();
        };
        let tids = tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let statuses = tids.filter_map(|tid| self.status(&format!("{pid}/task/{tid}")));
        statuses.filter(|status| !matches!(status.state, 'Z' | 'X')).collect()
    }

    fn status(&self, of: &str) -> Option<Status> {
        Status::parse(&fs::read(self.root.join(of).join("status")).ok()?)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::pending::status;

    /// A process: its id, its parent's, and what is not as usual.
    pub(in crate::pending) type Sample<'a> = (u32, u32, &'a [(&'a str, &'a str)]);

    /// A /proc with these processes.
    pub(in crate::pending) fn proc(processes: &[Sample<'_>]) -> (tempfile::TempDir, Processes) {
        let root = tempfile::tempdir().unwrap();
        for (pid, ppid, more) in processes {
            add(root.path(), &pid.to_string(), &status::tests::text(*pid, *ppid, more));
        }
        let processes = Processes::below(root.path());
        (root, processes)
    }

    /// A directory of a process or a thread, with its status.
    pub(in crate::pending) fn add(root: &Path, of: &str, status: &[u8]) {
        let directory = root.join(of);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("status"), status).unwrap();
        fs::write(directory.join("comm"), format!("p{of}\n")).unwrap();
    }

    #[test]
    fn threads_of_the_kernel_are_none_of_all_and_what_has_ended_is() {
        let (root, mut processes) = proc(&[(1, 0, &[]), (7, 1, &[("State", "Z (zombie)")])]);
        let text = String::from_utf8(status::tests::text(2, 0, &[])).unwrap();
        let of_kernel = text.replace("VmSize:\t    5432 kB\n", "");
        add(root.path(), "2", of_kernel.as_bytes());
        assert_eq!(processes.all().unwrap(), [1, 7]);
        assert_eq!(processes.get(3), None);
    }

    #[test]
    fn a_process_whose_first_thread_has_ended_is_not_taken_for_the_kernels() {
        let (root, mut processes) = proc(&[]);
        let more = [("State", "Z (zombie)"), ("Threads", "2")];
        let text = String::from_utf8(status::tests::text(10, 1, &more)).unwrap();
        add(root.path(), "10", text.replace("VmSize:\t    5432 kB\n", "").as_bytes());
        let thread = status::tests::text(11, 1, &[("SigBlk", "0000000000004000")]);
        add(root.path(), "10/task/11", &thread);
        assert_eq!(processes.all().unwrap(), [10]);
        let process = processes.get(10).unwrap();
        assert_eq!((process.has_ended(), process.blocked), (false, 0x4000));
    }

    #[test]
    fn what_all_threads_block_is_told_from_what_some_do() {
        let three = [("Threads", "3"), ("SigBlk", "0000000000004001")];
        let (root, mut processes) = proc(&[(10, 1, &three)]);
        let thread = |tid: u32, ppid: u32, blocked: &str, pending: &str, state: &str| {
            let more = [("SigBlk", blocked), ("SigPnd", pending), ("State", state)];
            let text = status::tests::text(tid, ppid, &more);
            add(root.path(), &format!("10/task/{tid}"), &text);
        };
        thread(10, 1, "0000000000004001", "0000000000000000", "S (sleeping)");
        thread(11, 1, "0000000000004000", "0000000000000200", "S (sleeping)");
        // It has ended, and blocks nothing any more.
        thread(12, 1, "0000000000000000", "0000000000000000", "Z (zombie)");
        let process = processes.get(10).unwrap();
        assert_eq!((process.blocked, process.blocked_by_some), (0x4000, 0x4001));
        assert_eq!(process.thread_pending, BTreeMap::from([(11, 0x200)]));
        assert_eq!(process.pending(), 0x200);
        assert_eq!(process.comm, b"p10");
    }

    #[test]
    fn a_threads_id_leads_to_its_process() {
        let (root, mut processes) = proc(&[(10, 1, &[])]);
        add(root.path(), "11", &status::tests::text(11, 1, &[("Tgid", "10")]));
        assert_eq!(processes.get(11).unwrap().status.pid, 10);
    }
}
