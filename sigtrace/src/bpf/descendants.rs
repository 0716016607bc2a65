//! The processes that descend from others, as /proc has them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
};

use sigtrace_common::side;

/// A process that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Process {
    /// Its id.
    pub(super) pid: u32,
    /// Its parent's.
    parent: u32,
    /// When it was started, in clock ticks since the boot, which tells it from others that get its id.
    started: u64,
}

/// All of them.
pub(super) fn processes() -> HashSet<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashSet::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| process(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect()
}

/// From `/proc/PID/stat` (`proc_pid_stat(5)`): its name, which may have any bytes, is in parentheses.
fn process(pid: u32, stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    // The third, fourth and twenty-second.
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some(Process { pid, parent, started })
}

/// Those that descend from the selected ones and are not selected yet, with the sides on which they are
/// from now on: those of their ancestors.
pub(super) fn of(
    selected: &HashMap<u32, u32>,
    processes: &HashSet<Process>,
) -> HashMap<Process, u32> {
    let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for process in processes {
        children.entry(process.parent).or_default().push(*process);
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
        let stat = "7 (a) b) S 5 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1000 100";
        assert_eq!(process(7, stat), Some(Process { pid: 7, parent: 5, started: 12_345 }));
        assert_eq!(process(7, "7 (cut) S 5"), None);
    }

    #[test]
    fn descendants_are_selected_on_the_sides_of_their_ancestors() {
        let process = |pid, parent| Process { pid, parent, started: u64::from(pid) };
        let processes = HashSet::from([
            (1, 0),
            (10, 1),
            (11, 10),
            (12, 11),
            (20, 1),
            (21, 20),
            (13, 12),
            (30, 1),
        ])
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
