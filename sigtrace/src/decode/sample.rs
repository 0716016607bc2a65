//! Records to decode, made by hand.

use std::mem::offset_of;

use sigtrace_common::{
    Abi, Capture, DATA_OFFSET, Header, Record, RecordKind, State, UNKNOWN_MASK, find,
};

/// A record of a call that returned 0 after 812 ns, by a caller that is the same everywhere.
pub(crate) struct Sample {
    bytes: Vec<u8>,
    syscall: &'static sigtrace_common::Syscall,
}

impl Sample {
    /// A call of `name` through the 64-bit x86 interface with these argument registers. Nothing is known of
    /// the mask.
    pub(crate) fn of(name: &str, args: &[u64]) -> Self {
        let (row, syscall) = find(name).expect("a syscall of the table");
        let bytes = vec![0; DATA_OFFSET + syscall.data_size()];
        let mut sample = Self { bytes, syscall };
        sample.put_length();
        sample.put(offset_of!(Record, entered_ns), &1_000_000_001_u64.to_ne_bytes());
        sample.put(offset_of!(Record, duration_ns), &812_u64.to_ne_bytes());
        sample.put(offset_of!(Record, cgroup), &4321_u64.to_ne_bytes());
        sample.put(offset_of!(Record, tid), &815_u32.to_ne_bytes());
        sample.put(offset_of!(Record, pid), &812_u32.to_ne_bytes());
        sample.put(offset_of!(Record, uid), &33_u32.to_ne_bytes());
        sample.put(offset_of!(Record, gid), &34_u32.to_ne_bytes());
        sample.put(offset_of!(Record, ppid), &1_u32.to_ne_bytes());
        sample.put(offset_of!(Record, header) + offset_of!(Header, cpu), &3_u32.to_ne_bytes());
        sample.put(offset_of!(Record, comm), b"nginx");
        sample.put(offset_of!(Record, syscall), &u16::try_from(row).expect("a row").to_ne_bytes());
        sample.put(offset_of!(Record, state), &[State::Returned as u8]);
        for (index, arg) in args.iter().enumerate() {
            sample.put(offset_of!(Record, args) + 8 * index, &arg.to_ne_bytes());
        }
        if let Some(masks) = syscall.masks_offset() {
            sample.put(DATA_OFFSET + masks + 8, &UNKNOWN_MASK.to_ne_bytes());
        }
        sample
    }

    /// Through another interface.
    pub(crate) fn abi(self, abi: Abi) -> Self {
        self.with(offset_of!(Record, abi), &[abi as u8])
    }

    /// By a thread of this name.
    pub(crate) fn comm(self, comm: &[u8]) -> Self {
        self.with(offset_of!(Record, comm), &[0; 16]).with(offset_of!(Record, comm), comm)
    }

    /// By a process whose parent's id is this.
    pub(crate) fn ppid(self, ppid: u32) -> Self {
        self.with(offset_of!(Record, ppid), &ppid.to_ne_bytes())
    }

    /// By a process and a thread that have these numbers in their own pid namespace.
    pub(crate) fn in_namespace(self, pid: u32, tid: u32) -> Self {
        self.with(offset_of!(Record, ns_pid), &pid.to_ne_bytes())
            .with(offset_of!(Record, ns_tid), &tid.to_ne_bytes())
    }

    /// Followed by what was read from a signalfd.
    pub(crate) fn followed_by(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self.put_length();
        self
    }

    /// On a pidfd of this process, or aimed at what has this number outside.
    pub(crate) fn target(self, target: i32) -> Self {
        self.with(offset_of!(Record, target), &target.to_ne_bytes())
    }

    /// Returning this.
    pub(crate) fn ret(self, ret: i64) -> Self {
        self.with(offset_of!(Record, ret), &ret.to_ne_bytes())
    }

    /// In another state, with what that leaves unset.
    pub(crate) fn state(self, state: State) -> Self {
        self.with(offset_of!(Record, state), &[state as u8])
            .with(offset_of!(Record, duration_ns), &[0; 8])
    }

    /// Argument `index` points to memory that could not be read.
    pub(crate) fn unreadable(self, index: usize) -> Self {
        self.with(offset_of!(Record, captures) + index, &[Capture::Unreadable as u8])
    }

    /// Argument `index` points to this, which was read late.
    pub(crate) fn points_late_to(self, index: usize, structure: &[u8]) -> Self {
        self.points_to(index, structure).captured(index, Capture::Late)
    }

    /// What argument `index` points to was captured like this.
    pub(crate) fn captured(self, index: usize, capture: Capture) -> Self {
        self.with(offset_of!(Record, captures) + index, &[capture as u8])
    }

    /// Argument `index` points to this.
    pub(crate) fn points_to(self, index: usize, structure: &[u8]) -> Self {
        let offset = DATA_OFFSET + self.syscall.data_offset(index);
        assert!(structure.len() <= self.syscall.args[index].kind.size(), "it has no room");
        self.with(offset_of!(Record, captures) + index, &[Capture::Whole as u8])
            .with(offset, structure)
    }

    /// Leaving this mask in the place of that one.
    pub(crate) fn masks(self, before: u64, after: u64) -> Self {
        let masks = self.syscall.masks_offset().expect("a call that changes the mask");
        let at = DATA_OFFSET + masks;
        self.with(at, &before.to_ne_bytes()).with(at + 8, &after.to_ne_bytes())
    }

    /// With these bytes at this offset.
    pub(crate) fn with(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.put(offset, bytes);
        self
    }

    /// The record.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn put_length(&mut self) {
        let length = u16::try_from(self.bytes.len()).expect("a length");
        self.put(offset_of!(Record, header), &RecordKind::Call.head(length).to_ne_bytes());
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
}
