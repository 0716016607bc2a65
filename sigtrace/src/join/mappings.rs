//! Where code is that events name by its address: what records say of it before the event comes, and what the files
//! are called.

use std::{mem, ops::RangeInclusive, rc::Rc};

use crate::{
    decode::{Code, File, Mapping},
    numbered::Map,
};

/// So many files are remembered, and as many before them. The programs tell of each again after a while.
const MAX_FILES: usize = 4096;

/// So many threads can have a mapping whose event has not come. It never comes if the call is filtered out.
const MAX_THREADS: usize = 4096;

/// A file that code is mapped from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedFile {
    /// Its path.
    pub path: Rc<[u8]>,
    /// Its device and the number of its inode, as stat(2) has them.
    pub identity: (u64, u64),
    /// Whether it has no name any more, or never had one.
    pub is_deleted: bool,
}

/// Where an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub address: u64,
    /// The file that is mapped there, and how far into it that is; `None` if none is, or that is not known.
    pub file: Option<(Rc<MappedFile>, u64)>,
}

/// What was told of code.
#[derive(Debug, Default)]
pub struct Mappings {
    files: Map<u64, Rc<MappedFile>>,
    before: Map<u64, Rc<MappedFile>>,
    /// What was told last of each thread.
    threads: Map<u32, Mapping>,
}

impl Mappings {
    /// Notes what a record tells.
    pub fn note(&mut self, code: &Code<'_>) {
        match code {
            Code::Mapping(mapping) => {
                if self.threads.len() >= MAX_THREADS {
                    // Of which nearly all are those of events that will not come.
                    self.threads.clear();
                }
                self.threads.insert(mapping.tid, *mapping);
            }
            Code::File(file) => self.note_file(file),
        }
    }

    fn note_file(&mut self, file: &File<'_>) {
        let Some(path) = file.path.bytes() else { return };
        if self.files.len() >= MAX_FILES {
            self.before = mem::take(&mut self.files);
        }
        let mapped = MappedFile {
            path: path.into(),
            identity: (file.device, file.inode),
            is_deleted: file.is_deleted,
        };
        self.files.insert(file.token, Rc::new(mapped));
    }

    /// Where the code is that was told of for this thread's event at this time, or in it; by its address, if that
    /// is known.
    pub fn take(
        &mut self,
        tid: u32,
        times_ns: RangeInclusive<u64>,
        address: Option<u64>,
    ) -> Option<Place> {
        let mapping = *self.threads.get(&tid)?;
        let is_it = times_ns.contains(&mapping.time_ns)
            && address.is_none_or(|address| address == mapping.address);
        // Else it is of another event of the thread, which may be yet to come.
        if !is_it {
            return None;
        }
        self.threads.remove(&tid);
        let file = mapping.file.and_then(|(token, offset)| Some((self.file(token)?, offset)));
        Some(Place { address: mapping.address, file })
    }

    /// The file with this token. One that is used stays, however many others there are.
    fn file(&mut self, token: u64) -> Option<Rc<MappedFile>> {
        if let Some(file) = self.files.get(&token) {
            return Some(Rc::clone(file));
        }
        let file = self.before.remove(&token)?;
        self.files.insert(token, Rc::clone(&file));
        Some(file)
    }
}

#[cfg(test)]
mod tests {
    use sigtrace_common::Process;

    use super::*;
    use crate::decode::{
        code,
        tests_of_mapping::{bytes_of, file_of, mapped},
    };

    fn noted(records: &[&[u8]]) -> Mappings {
        let mut mappings = Mappings::default();
        for record in records {
            mappings.note(&code(record).unwrap());
        }
        mappings
    }

    fn nginx() -> Vec<u8> {
        file_of(b"nginx\0sbin\0usr\0", Process::EXE)
    }

    #[test]
    fn an_event_finds_where_its_code_is_once() {
        let file = MappedFile {
            path: Rc::from(&b"/usr/sbin/nginx"[..]),
            identity: (libc::makedev(8, 1), 4321),
            is_deleted: false,
        };
        let expected = Place { address: 0x55aa_0000_1000, file: Some((Rc::new(file), 0x1139)) };
        let mut mappings = noted(&[&nginx(), &bytes_of(&mapped(5))]);
        assert_eq!(mappings.take(812, 5..=5, Some(0x55aa_0000_1000)), Some(expected));
        assert_eq!(mappings.take(812, 5..=5, Some(0x55aa_0000_1000)), None);
    }

    #[test]
    fn what_was_told_for_another_event_is_not_taken_for_this_one() {
        let mapped = bytes_of(&mapped(5));
        for (tid, times_ns, address) in
            [(813, 5..=5, None), (812, 6..=9, None), (812, 0..=4, None), (812, 5..=5, Some(0x1000))]
        {
            let mut mappings = noted(&[&nginx(), &mapped]);
            assert_eq!(mappings.take(tid, times_ns, address), None);
            // It is still there for the event that it is of.
            assert!(mappings.take(812, 5..=5, Some(0x55aa_0000_1000)).is_some());
        }
    }

    #[test]
    fn a_file_that_is_used_is_not_forgotten_for_others() {
        let mut mappings = noted(&[&nginx()]);
        for number in 0..3 * MAX_FILES as u64 {
            let mut other = nginx();
            let token = std::mem::offset_of!(sigtrace_common::File, token);
            other[token..token + 8].copy_from_slice(&(1000 + number).to_ne_bytes());
            mappings.note(&code(&other).unwrap());
            if number % 1000 == 0 {
                mappings.note(&code(&bytes_of(&mapped(5))).unwrap());
                let place = mappings.take(812, 5..=5, None).unwrap();
                assert!(place.file.is_some(), "{number}");
            }
        }
    }

    #[test]
    fn a_file_whose_path_is_not_known_or_was_not_told_is_none() {
        let cut = file_of(b"nginx\0", 0);
        for records in [&[&cut[..], &bytes_of(&mapped(5))][..], &[&bytes_of(&mapped(5))[..]]] {
            let place = noted(records).take(812, 5..=5, None);
            assert_eq!(place, Some(Place { address: 0x55aa_0000_1000, file: None }));
        }
    }

    #[test]
    fn threads_whose_events_never_come_do_not_take_more_and_more_memory() {
        let mut mappings = Mappings::default();
        for tid in 0..3 * MAX_THREADS {
            let tid = u32::try_from(tid).unwrap();
            let record = sigtrace_common::Mapping { tid, ..mapped(5) };
            mappings.note(&code(&bytes_of(&record)).unwrap());
        }
        assert!(mappings.threads.len() <= MAX_THREADS);
    }
}
