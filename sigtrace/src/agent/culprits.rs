//! Whose calls were lost the most, since that was last told.

use std::{cmp::Reverse, collections::HashMap, hash::Hash};

use sigtrace_common::{
    SYSCALLS,
    crowd::{Alike, ENTRIES, Entry, alike},
};

use crate::{
    bpf::Crowd,
    decode::Comm,
    output::{Most, MostOf},
};

/// So many kinds of calls that the agent lost are remembered until the next event of losses.
const REMEMBERED: usize = 1024;

/// Lost calls, of each kind how many.
pub(crate) type Losses = Vec<(Entry, u64)>;

/// Lost calls that are to be told of, as the programs and the agent count them.
#[derive(Debug)]
pub(crate) struct Culprits {
    /// How many of each entry of both generations were told of.
    told: [Vec<u64>; 2],
    /// Those of a generation that is no more, and those that the agent lost.
    more: HashMap<Alike, (Entry, u64)>,
}

impl Default for Culprits {
    fn default() -> Self {
        Self { told: [vec![0; ENTRIES], vec![0; ENTRIES]], more: HashMap::new() }
    }
}

impl Culprits {
    /// What was lost since this was last asked, `generation` being the one that programs use. They count in the one
    /// before, too, until it is carried: those that had begun.
    pub(crate) fn take(&mut self, crowd: &Crowd, generation: u32) -> Losses {
        let mut losses = self.new_ones(crowd, generation.wrapping_sub(1));
        losses.extend(self.new_ones(crowd, generation));
        losses.extend(self.more.drain().map(|(_, loss)| loss));
        losses
    }

    /// Keeps what is there of a generation that is about to be cleared.
    pub(crate) fn carry(&mut self, crowd: &Crowd, generation: u32) {
        let new = self.new_ones(crowd, generation);
        self.add(new);
        self.told[(generation & 1) as usize].fill(0);
    }

    /// Takes note of lost calls, as far as there is room: what counts is whose most are.
    pub(crate) fn add(&mut self, losses: impl IntoIterator<Item = (Entry, u64)>) {
        for (entry, count) in losses {
            let known = self.more.len();
            match self.more.get_mut(&entry.alike) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None if known < REMEMBERED => _ = self.more.insert(entry.alike, (entry, count)),
                None => {}
            }
        }
    }

    fn new_ones(&mut self, crowd: &Crowd, generation: u32) -> Losses {
        let told = &mut self.told[(generation & 1) as usize];
        let new = |(index, entry): (usize, Entry)| {
            let told = told.get_mut(index)?;
            let new = entry.lost.saturating_sub(*told);
            *told = entry.lost;
            (new > 0).then_some((entry, new))
        };
        crowd.lost(generation).filter_map(new).collect()
    }
}

/// Whose are the most of these losses, by each of what they have in common.
pub(crate) fn most(losses: &[(Entry, u64)]) -> Option<Most> {
    let has_signal = |entry: &Entry| entry.alike.what & alike::HAS_SIGNAL != 0;
    let row = |entry: &Entry| (entry.alike.what & alike::ROW) as usize;
    let (uid, of_user) = largest(losses, |entry| Some(entry.charged))?;
    let process = |entry: &Entry| (entry.alike.pid, entry.alike.uid);
    let (largest_process, of_process) = largest(losses, |entry| Some(process(entry)))?;
    // Its threads can have names of their own.
    let (named, _) = losses.iter().find(|(entry, _)| process(entry) == largest_process)?;
    let (syscall, of_syscall) =
        largest(losses, |entry| SYSCALLS.get(row(entry)).map(|row| row.name))?;
    let signal = largest(losses, |entry| has_signal(entry).then_some(entry.alike.signal));
    Some(Most {
        user: MostOf { what: uid, lost: of_user },
        process: MostOf {
            what: (named.alike.pid, Comm(named.comm), named.alike.uid),
            lost: of_process,
        },
        syscall: MostOf { what: syscall, lost: of_syscall },
        signal: signal.map(|(signal, lost)| MostOf { what: signal, lost }),
    })
}

/// What most of the losses have in common, and how many these are; the least of several.
fn largest<K: Eq + Hash + Ord + Copy>(
    losses: &[(Entry, u64)],
    key: impl Fn(&Entry) -> Option<K>,
) -> Option<(K, u64)> {
    let mut sums: HashMap<K, u64> = HashMap::new();
    for (entry, count) in losses {
        if let Some(key) = key(entry) {
            let sum = sums.entry(key).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    sums.into_iter().max_by_key(|&(key, sum)| (sum, Reverse(key)))
}

#[cfg(test)]
mod tests {
    use sigtrace_common::find;

    use super::*;

    fn loss(uid: u32, pid: u32, syscall: &str, signal: Option<i32>, count: u64) -> (Entry, u64) {
        let (row, _) = find(syscall).unwrap();
        let has_signal = if signal.is_some() { alike::HAS_SIGNAL } else { 0 };
        let what = u32::try_from(row).unwrap() | alike::USED | has_signal;
        let alike = Alike { pid, uid, what, signal: signal.unwrap_or(0), ret: 0 };
        let mut comm = [0; 16];
        comm[..5].copy_from_slice(b"flood");
        (Entry { alike, comm, charged: uid, ..Entry::default() }, count)
    }

    #[test]
    fn each_is_told_of_by_itself() {
        let losses = [
            loss(1000, 900, "kill", Some(28), 3),
            loss(1000, 901, "kill", Some(10), 3),
            loss(0, 1, "rt_sigprocmask", None, 4),
            loss(0, 1, "kill", Some(28), 1),
        ];
        assert_eq!(
            most(&losses),
            Some(Most {
                user: MostOf { what: 1000, lost: 6 },
                process: MostOf { what: (1, Comm(losses[0].0.comm), 0), lost: 5 },
                syscall: MostOf { what: "kill", lost: 7 },
                signal: Some(MostOf { what: 28, lost: 4 }),
            })
        );
    }

    #[test]
    fn what_is_added_is_summed_up_by_kind_as_far_as_there_is_room() {
        let mut culprits = Culprits::default();
        culprits.add([loss(1000, 900, "kill", Some(28), 3), loss(0, 1, "pause", None, 4)]);
        culprits.add([loss(1000, 900, "kill", Some(28), u64::MAX)]);
        let counts: Vec<u64> = culprits.more.values().map(|(_, count)| *count).collect();
        assert!(counts.len() == 2 && counts.contains(&u64::MAX) && counts.contains(&4));
        culprits.add((0..5000).map(|pid| loss(1001, pid, "kill", Some(1), 1)));
        assert_eq!(culprits.more.len(), REMEMBERED);
    }

    #[test]
    fn calls_without_a_signal_have_no_signal_in_common() {
        let most = most(&[loss(0, 1, "pause", None, 1)]).unwrap();
        assert_eq!(most.signal, None);
    }

    #[test]
    fn where_nothing_was_lost_nobody_has_lost_the_most() {
        assert_eq!(most(&[]), None);
    }

    #[test]
    fn what_is_no_row_of_the_table_is_not_told_of() {
        let (entry, count) = loss(0, 1, "pause", None, 1);
        let what = entry.alike.what | alike::ROW;
        let entry = Entry { alike: Alike { what, ..entry.alike }, ..entry };
        assert_eq!(most(&[(entry, count)]), None);
    }
}
