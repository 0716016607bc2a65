//! The slots, in which the calls are that are under way.

use std::{
    collections::{BTreeSet, HashSet},
    fs, io,
    mem::offset_of,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence},
};

use anyhow::{Context as _, Result};
use aya::{
    Pod,
    maps::{HashMap, MapData},
};
use sigtrace_common::{Record, SYSCALLS, Slot, State, WAITS, undecided};

use super::mapping::Mapping;

/// A call as it lies in its slot.
pub type RecordBytes = [u8; size_of::<Record>()];

/// At least so many.
const LEAST: u32 = 1 << 10;
/// At most so many, unless asked for: 64 MB, and as much again for those that are elsewhere.
const MOST: u32 = 1 << 18;

/// How many there are to be: as asked for, or else as many as the machine can have threads, within
/// reason; a power of two.
pub(super) fn number(asked: Option<u32>) -> Result<u32> {
    const THREADS_MAX: &str = "/proc/sys/kernel/threads-max";
    let wanted = match asked {
        Some(asked) => asked,
        None => {
            let text = fs::read_to_string(THREADS_MAX).context(THREADS_MAX)?;
            text.trim().parse().unwrap_or(MOST).clamp(LEAST, MOST)
        }
    };
    Ok(wanted.next_power_of_two())
}

/// What tells a call from all others: its thread's id, and when it was entered, of `CLOCK_BOOTTIME`.
pub type Key = (u32, u64);

/// Calls that have been under way for some time.
#[derive(Clone, Copy, Debug)]
pub struct Overdue {
    /// Entered before this moment, of `CLOCK_BOOTTIME`, those that do not normally wait.
    pub entered_before_ns: u64,
    /// And those that do, if they are to be told of, too.
    pub waiting_before_ns: Option<u64>,
}

/// A slot as it lies in the map of those that are elsewhere.
type SlotBytes = [u8; size_of::<Slot>()];

/// The maps. The array is looked at through a mapping that is there only meanwhile: its pages would
/// count as our memory.
#[derive(Debug)]
pub struct Slots {
    map: MapData,
    number: u32,
    /// The slots of threads that found theirs taken, by thread id and [`WAITS`], and when the calls in
    /// there were entered that have been told of, by thread id.
    overflow: HashMap<MapData, u32, SlotBytes>,
    overflow_told: HashMap<MapData, u32, u64>,
}

impl Slots {
    pub(super) fn new(
        map: MapData,
        number: u32,
        overflow: HashMap<MapData, u32, SlotBytes>,
        overflow_told: HashMap<MapData, u32, u64>,
    ) -> Self {
        Self { map, number, overflow, overflow_told }
    }

    /// The calls that are overdue and not told of yet, marked as told: what becomes of them later is
    /// for the agent to say, whatever the filter says by then. Also the keys of all that are under
    /// way, told or not.
    ///
    /// A call that returns just now is in the ring as well, or will be, as one that was told of or as
    /// any other; who reads the ring has to expect both.
    pub fn overdue(&mut self, overdue: Overdue) -> io::Result<(Vec<RecordBytes>, Vec<Key>)> {
        let mapping = Mapping::new(self.map.fd(), self.number as usize)?;
        let (mut late, mut all, mut elsewhere) = (Vec::new(), Vec::new(), 0);
        for slot in slots(&mapping) {
            elsewhere |= slot.displaced().load(Ordering::Relaxed);
            let Some(record) = slot.under_way() else { continue };
            let entered = entered_ns(&record);
            all.push((field(&record, offset_of!(Record, tid)), entered));
            let told = slot.told_ns().load(Ordering::Relaxed) == entered;
            if told || !is_overdue(&record, overdue) {
                continue;
            }
            slot.told_ns().store(entered, Ordering::Relaxed);
            // The program sets the state first and then looks whether the call was told of; we the
            // other way round. So one of us sees the other.
            fence(Ordering::SeqCst);
            if slot.is_at(entered) {
                late.push(without_guess(record));
            }
        }
        drop(mapping);
        if elsewhere != 0 {
            self.overdue_elsewhere(overdue, &mut late, &mut all);
        }
        Ok((late, all))
    }

    /// Likewise of the calls that are elsewhere.
    fn overdue_elsewhere(
        &mut self,
        overdue: Overdue,
        late: &mut Vec<RecordBytes>,
        all: &mut Vec<Key>,
    ) {
        // While we look one up and the kernel preempts us, it begins no kprobe's program on that
        // processor: so at as few as will do.
        let waiting = overdue.waiting_before_ns.is_some();
        for (key, record) in self.elsewhere(|key| waiting || key & WAITS == 0) {
            let (tid, entered) = (key & !WAITS, entered_ns(&record));
            all.push((tid, entered));
            if !is_overdue(&record, overdue)
                || self.overflow_told.get(&tid, 0).is_ok_and(|told| told == entered)
            {
                continue;
            }
            // If it cannot be marked, its end is an event of its own, as if it had not been told.
            if self.overflow_told.insert(tid, entered, 0).is_ok()
                && self.record_elsewhere(key).is_some_and(|now| entered_ns(&now) == entered)
            {
                late.push(without_guess(record));
            }
        }
        let there: HashSet<Key> = all.iter().copied().collect();
        for tid in self.keys(&self.overflow_told) {
            let told = self.overflow_told.get(&tid, 0).unwrap_or(0);
            if !there.contains(&(tid, told)) {
                let _ = self.overflow_told.remove(&tid);
            }
        }
    }

    /// The calls that are elsewhere, of those whose keys are wanted.
    fn elsewhere(&self, wanted: impl Fn(u32) -> bool) -> Vec<(u32, RecordBytes)> {
        let keys = self.keys(&self.overflow).into_iter().filter(|&key| wanted(key));
        keys.filter_map(|key| Some((key, self.record_elsewhere(key)?))).collect()
    }

    /// The keys of a map, of which there are no more than half as many as slots. The kernel begins anew
    /// where one is gone that it has just told, so that it would go on for as long as they come and go.
    fn keys<V: Pod>(&self, map: &HashMap<MapData, u32, V>) -> BTreeSet<u32> {
        map.keys().filter_map(Result::ok).take(self.number as usize).collect()
    }

    fn record_elsewhere(&self, key: u32) -> Option<RecordBytes> {
        let slot = self.overflow.get(&key, 0).ok()?;
        let record: RecordBytes = slot[..size_of::<Record>()].try_into().ok()?;
        (record[offset_of!(Record, state)] == State::Entered as u8).then_some(record)
    }

    /// All calls that are under way, in the state [`State::Entered`], or [`State::Missed`] if their
    /// thread is no more, and how many more there are that the filter leaves out. Only meaningful
    /// once the programs do nothing any more.
    pub fn rest(&mut self) -> io::Result<(Vec<RecordBytes>, u64)> {
        let mapping = Mapping::new(self.map.fd(), self.number as usize)?;
        let mut found: Vec<_> = slots(&mapping).filter_map(|slot| slot.under_way()).collect();
        drop(mapping);
        found.extend(self.elsewhere(|_| true).into_iter().map(|(_, record)| record));
        let (mut rest, mut left_out) = (Vec::new(), 0);
        for record in found {
            let open = field(&record, offset_of!(Record, undecided));
            if open & (undecided::OWN | undecided::TRY) != 0 {
                continue;
            }
            if open & undecided::SIDES != 0 {
                left_out += 1;
                continue;
            }
            let mut record = without_guess(record);
            // Of a thread that ends the programs are told, unless the kernel skipped them.
            if !is_alive(&record) {
                record[offset_of!(Record, state)] = State::Missed as u8;
            }
            rest.push(record);
        }
        Ok((rest, left_out))
    }
}

/// Whether the call has been under way for too long not to be told of. Of one that the filter has not
/// decided on yet its return has to tell.
fn is_overdue(record: &RecordBytes, overdue: Overdue) -> bool {
    let open = field(record, offset_of!(Record, undecided));
    if open & (undecided::SIDES | undecided::SIGNAL | undecided::OWN | undecided::TRY) != 0 {
        return false;
    }
    let entered_ns = entered_ns(record);
    let row = usize::from(u16::from_ne_bytes([
        record[offset_of!(Record, syscall)],
        record[offset_of!(Record, syscall) + 1],
    ]));
    let waits = SYSCALLS.get(row).is_some_and(|syscall| syscall.blocks);
    if waits {
        overdue.waiting_before_ns.is_some_and(|before| entered_ns < before)
    } else {
        entered_ns < overdue.entered_before_ns
    }
}

/// The record without what only its return can confirm: whether it is a pidfd nobody has said yet.
fn without_guess(mut record: RecordBytes) -> RecordBytes {
    if field(&record, offset_of!(Record, undecided)) & undecided::PIDFD != 0 {
        let at = offset_of!(Record, target);
        record[at..at + 4].fill(0);
    }
    record
}

fn entered_ns(record: &RecordBytes) -> u64 {
    let at = offset_of!(Record, entered_ns);
    record[at..at + 8].try_into().map_or(0, u64::from_ne_bytes)
}

/// A member of a record that has 32 bits.
fn field(record: &RecordBytes, at: usize) -> u32 {
    u32::from_ne_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
}

/// Whether there still is the thread of a record.
fn is_alive(record: &RecordBytes) -> bool {
    let pid = field(record, offset_of!(Record, pid));
    let tid = field(record, offset_of!(Record, tid));
    // SAFETY: no memory is involved, and signal 0 is never sent. Not by /proc, which can be hidden.
    let asked = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, 0) };
    asked == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// The slots behind a mapping.
fn slots(mapping: &Mapping<Slot>) -> impl Iterator<Item = InUse<'_>> {
    (0..mapping.number()).map(|index| InUse { slot: mapping.element(index), _in: mapping })
}

/// A slot that programs may be writing to.
struct InUse<'a> {
    slot: NonNull<Slot>,
    _in: &'a Mapping<Slot>,
}

impl InUse<'_> {
    fn at(&self, offset: usize) -> *mut u8 {
        // SAFETY: inside the slot.
        unsafe { self.slot.as_ptr().cast::<u8>().add(offset) }
    }

    fn state(&self) -> &AtomicU8 {
        // SAFETY: inside the mapping, and only ever accessed whole.
        unsafe { AtomicU8::from_ptr(self.at(offset_of!(Record, state))) }
    }

    fn entered_ns(&self) -> &AtomicU64 {
        // SAFETY: inside the mapping, aligned, and only ever accessed whole.
        unsafe { AtomicU64::from_ptr(self.at(offset_of!(Record, entered_ns)).cast()) }
    }

    fn displaced(&self) -> &AtomicU32 {
        // SAFETY: inside the mapping, aligned, and only ever accessed atomically.
        unsafe { AtomicU32::from_ptr(self.at(offset_of!(Slot, displaced)).cast()) }
    }

    fn told_ns(&self) -> &AtomicU64 {
        // SAFETY: inside the mapping, aligned, and only ever accessed whole.
        unsafe { AtomicU64::from_ptr(self.at(offset_of!(Slot, told_ns)).cast()) }
    }

    /// Whether it holds the call that was entered at this time.
    fn is_at(&self, entered_ns: u64) -> bool {
        self.state().load(Ordering::Acquire) == State::Entered as u8
            && self.entered_ns().load(Ordering::Acquire) == entered_ns
    }

    /// The call that it holds, if it holds one all the time that it is copied. A thread that leaves a
    /// call says so before it writes anything of the next.
    fn under_way(&self) -> Option<RecordBytes> {
        if self.state().load(Ordering::Acquire) != State::Entered as u8 {
            return None;
        }
        let entered_ns = self.entered_ns().load(Ordering::Acquire);
        let mut record = [0; size_of::<Record>()];
        for (index, word) in record.chunks_exact_mut(8).enumerate() {
            // SAFETY: inside the record, aligned; volatile, as programs may change it.
            let read = unsafe { ptr::read_volatile(self.at(index * 8).cast::<u64>()) };
            word.copy_from_slice(&read.to_ne_bytes());
        }
        fence(Ordering::Acquire);
        self.is_at(entered_ns).then_some(record)
    }
}

const _: () = assert!(size_of::<Record>().is_multiple_of(8));

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn there_are_as_many_as_asked_for_rounded_up_to_a_power_of_two() {
        assert_eq!(number(Some(1)).unwrap(), 1);
        assert_eq!(number(Some(40_000)).unwrap(), 65_536);
    }

    #[test]
    fn unless_asked_for_there_are_as_many_as_there_can_be_threads() {
        let number = number(None).unwrap();
        assert!(number.is_power_of_two() && (1 << 10..=1 << 18).contains(&number), "{number}");
    }
}
