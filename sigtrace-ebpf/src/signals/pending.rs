//! Signals that were sent and are yet to be taken: when each was sent.
//!
//! The kernel says of a signal that is taken neither who sent it nor when. Of each of the first 31 signals a queue
//! holds one at most, and a process has a queue of its own beside those of its threads; of the others a queue
//! holds any number, which what comes with them tells apart, or nothing does.
//!
//! The table is small: signals that fall on the same place push each other out, and then it is not known which
//! was taken.

use aya_ebpf::{macros::map, maps::Array};
use sigtrace_common::PENDING_PLACES;

use super::info::Digest;

/// A signal, or several that cannot be told apart.
#[derive(Clone, Copy)]
#[repr(C)]
struct Place {
    /// Which signal it is: see [`Key`]; 0 if there is none.
    key: u64,
    /// When it was sent.
    time_ns: u64,
    /// What comes with it.
    digest: u64,
    /// How many there are.
    count: u64,
}

#[map]
static PENDING: Array<Place> = Array::with_max_entries(1, 0);

/// The first of the signals of which a queue holds any number (`SIGRTMIN`, as the kernel has it).
const SIGRTMIN: u32 = 32;

/// A signal in a queue.
#[derive(Clone, Copy)]
pub struct Key {
    key: u64,
    /// Where it is in the table.
    index: u32,
    digest: Digest,
}

impl Key {
    /// That of a process, if it is sent to that, or of a thread.
    #[inline(always)]
    pub fn new(id: u32, is_process: bool, signal: u32, digest: Digest) -> Self {
        const USED: u64 = 1 << 63;
        let key = USED
            | u64::from(id)
            | u64::from(signal & 0xff) << 32
            | if is_process { 1 << 40 } else { 0 };
        let told_apart = if signal < SIGRTMIN { 0 } else { digest.word() };
        // Fibonacci hashing.
        let mixed = (key ^ told_apart).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { key: key ^ (told_apart << 41 & !USED), index: (mixed >> 40) as u32, digest }
    }

    #[inline(always)]
    fn place(self) -> Option<*mut Place> {
        PENDING.get_ptr_mut(self.index & (PENDING_PLACES - 1))
    }

    /// It is sent.
    #[inline(always)]
    pub fn put(self, time_ns: u64) {
        let Some(place) = self.place() else { return };
        // SAFETY: aligned members of the map's element. Another process's signal may be put there at the same time
        // on another processor: what is then mixed up has a time that no signal of this process has, or is
        // of another digest.
        unsafe {
            let is_another = (&raw const (*place).key).read_volatile() == self.key
                && (&raw const (*place).count).read_volatile() != 0
                && self.is_queued();
            let count = if is_another { (*place).count.wrapping_add(1) } else { 1 };
            (&raw mut (*place).key).write_volatile(0);
            (&raw mut (*place).time_ns).write_volatile(time_ns);
            (&raw mut (*place).digest).write_volatile(self.digest.word());
            (&raw mut (*place).count).write_volatile(count);
            (&raw mut (*place).key).write_volatile(self.key);
        }
    }

    #[inline(always)]
    fn is_queued(self) -> bool {
        (self.key >> 32) as u32 & 0xff >= SIGRTMIN
    }

    /// When the signal was sent that is pending; 0 if that is not known.
    #[inline(always)]
    pub fn sent_ns(self) -> u64 {
        let Some(place) = self.place() else { return 0 };
        // SAFETY: as above.
        unsafe {
            if (&raw const (*place).key).read_volatile() == self.key {
                (&raw const (*place).time_ns).read_volatile()
            } else {
                0
            }
        }
    }

    /// It is taken. When it was sent; `None` if that is not one that was put here, 0 if it is not known which of
    /// several it is.
    #[inline(always)]
    pub fn take(self) -> Option<u64> {
        let place = self.place()?;
        // SAFETY: likewise.
        unsafe {
            if (&raw const (*place).key).read_volatile() != self.key {
                return None;
            }
            let (time_ns, count) = (
                (&raw const (*place).time_ns).read_volatile(),
                (&raw const (*place).count).read_volatile(),
            );
            let digest = Digest::of((&raw const (*place).digest).read_volatile());
            if !digest.may_be(self.digest) {
                return None;
            }
            // They are taken in the order in which they were sent, and the time is that of the last.
            if count > 1 {
                (&raw mut (*place).count).write_volatile(count.wrapping_sub(1));
                return Some(0);
            }
            (&raw mut (*place).key).write_volatile(0);
            Some(time_ns)
        }
    }
}
