//! The processes that descend from others, as /proc has them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
};

use sigtrace_common::side;

/// What tells a process from others that get its id: that, and when it was started, in clock ticks since
/// the boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Process {
    /// Its id.
    pub(super) pid: u32,
    started: u64,
}

/// All that there are, each with its parent's id.
pub(super) fn processes() -> HashMap<Process, u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| process(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)).collect()
}

/// From `/proc/PID/stat` (`proc_pid_stat(5)`): its name, which may have any bytes, is in parentheses. A
/// process that has ended is none; one whose first thread has, and others have not, is.
fn process(pid: u32, stat: &[u8]) -> Option<(Process, u32)> {
    let stat = String::from_utf8_lossy(stat);
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    // The third, fourth, twentieth and twenty-second.
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let threads: u32 = fields.nth(15)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    let is_over = matches!(state, "Z" | "X") && threads <= 1;
    (!is_over).then_some((Process { pid, started }, parent))
}

/// Those that descend from the selected ones and are not selected yet, with the sides on which they are
/// from now on: those of their ancestors.
pub(super) fn of(
    selected: &HashMap<u32, u32>,
    processes: &HashMap<Process, u32>,
) -> HashMap<Process, u32> {
    let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for (process, &parent) in processes {
        children.entry(parent).or_default().push(*process);
    }
    let mut found = HashMap::new();
    let mut parents: Vec<(u32, u32)> = selected.iter().map(|(&pid, &sides)| (pid, sides)).collect();
    while let Some((parent, sides)) = parents.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            // What was read while processes came and went may go round in a circle.
            if !selected.contains_key(&child.pid) && !found.contains_key(child) {
                let sides = sides | side::FOLLOWED;
                found.insert(*child, sides);
                parents.push((child.pid, sides));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_from_its_stat_whatever_its_name() {
        let stat = |state: &str, threads: &str| {
            let text = format!(
                ") b) {state} 5 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 {threads} 0 12345 1000 100"
            );
            [b"7 (a\xff", text.as_bytes()].concat()
        };
        let seven = Some((Process { pid: 7, started: 12_345 }, 5));
        assert_eq!(process(7, &stat("S", "1")), seven);
        assert_eq!(process(7, b"7 (cut) S 5"), None);
        // It has ended, or only its first thread has.
        assert_eq!(process(7, &stat("Z", "1")), None);
        assert_eq!(process(7, &stat("Z", "2")), seven);
    }

    #[test]
    fn descendants_are_selected_on_the_sides_of_their_ancestors() {
        let process = |pid, parent| (Process { pid, started: u64::from(pid) }, parent);
        let processes = [(1, 0), (10, 1), (11, 10), (12, 11), (20, 1), (21, 20), (13, 12), (30, 1)]
            .into_iter()
            .map(|(pid, parent)| process(pid, parent))
            .collect();
        // 12 was selected itself, and its child is one of 10, too.
        let selected = HashMap::from([(10, side::CALLER), (12, side::TARGET), (20, side::EITHER)]);
        let found: BTreeMap<u32, u32> = of(&selected, &processes)
            .into_iter()
            .map(|(process, sides)| (process.pid, sides))
            .collect();
        let expected = BTreeMap::from([
            (11, side::CALLER | side::FOLLOWED),
            (13, side::TARGET | side::FOLLOWED),
            (21, side::EITHER | side::FOLLOWED),
        ]);
        assert_eq!(found, expected);
    }
}
