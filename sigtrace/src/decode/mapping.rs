//! Where code is that events name by its address (`sigtrace_common::Mapping`, `sigtrace_common::File`).

use std::mem::{offset_of, size_of};

use sigtrace_common::{self as common, Process, RecordKind};

use super::{DecodeError, Path, bytes, header};

/// Where code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// When the event is, or when in the call that it is, in nanoseconds of `CLOCK_BOOTTIME`.
    pub time_ns: u64,
    /// The address, in the memory of the thread's process.
    pub address: u64,
    /// The file that is mapped there, by its token, and how far into it the address is.
    pub file: Option<(u64, u64)>,
    /// The thread.
    pub tid: u32,
}

/// A file that code is mapped from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct File<'a> {
    /// What mappings call it.
    pub token: u64,
    /// The number of its inode.
    pub inode: u64,
    /// Its device: what stat(2) calls `st_dev`.
    pub device: u64,
    /// Its path.
    pub path: Path<'a>,
    /// Whether it has no name any more, or never had one.
    pub is_deleted: bool,
}

/// What a record tells of code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Code<'a> {
    /// Where it is.
    Mapping(Mapping),
    /// What a file is called.
    File(File<'a>),
}

/// Whether a record is of code, as far as its first byte tells.
pub fn is_code(record: &[u8]) -> bool {
    matches!(header::kind(record), Some(RecordKind::Mapping | RecordKind::File))
}

/// Decodes such a record.
///
/// # Errors
///
/// When the bytes are none.
pub fn code(record: &[u8]) -> Result<Code<'_>, DecodeError> {
    let (kind, record) = header::record(record)?;
    let too_short = |needed| DecodeError::TooShort { length: record.len(), needed };
    match kind {
        RecordKind::Mapping => {
            mapping(record).map(Code::Mapping).ok_or(too_short(size_of::<common::Mapping>()))
        }
        RecordKind::File => {
            file(record).map(Code::File).ok_or(too_short(size_of::<common::File>()))
        }
        other => Err(DecodeError::OtherKind(other as u8)),
    }
}

fn mapping(record: &[u8]) -> Option<Mapping> {
    let long = |offset| bytes::u64(record, offset);
    let token = long(offset_of!(common::Mapping, file))?;
    let offset = long(offset_of!(common::Mapping, offset))?;
    Some(Mapping {
        time_ns: long(offset_of!(common::Mapping, time_ns))?,
        address: long(offset_of!(common::Mapping, address))?,
        file: (token != 0).then_some((token, offset)),
        tid: bytes::u32(record, offset_of!(common::Mapping, tid))?,
    })
}

fn file(record: &[u8]) -> Option<File<'_>> {
    /// `MINORBITS` (`include/linux/kdev_t.h`): the kernel's own numbers are not those that it tells.
    const MINOR_BITS: u32 = 20;
    let names = record.get(size_of::<common::File>()..)?;
    let device = bytes::u32(record, offset_of!(common::File, device))?;
    let flags = bytes::u32(record, offset_of!(common::File, flags))?;
    Some(File {
        token: bytes::u64(record, offset_of!(common::File, token))?,
        inode: bytes::u64(record, offset_of!(common::File, inode))?,
        device: libc::makedev(device >> MINOR_BITS, device & ((1 << MINOR_BITS) - 1)),
        path: Path::new(names, flags & Process::EXE != 0),
        is_deleted: flags & Process::EXE_DELETED != 0,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The record of a handler 0x1139 bytes into a file, in a call or at an event at this time.
    pub(crate) fn mapped(time_ns: u64) -> common::Mapping {
        common::Mapping {
            header: common::Header {
                kind: RecordKind::Mapping as u8,
                version: 1,
                length: size_of::<common::Mapping>() as u16,
                ..common::Header::default()
            },
            time_ns,
            address: 0x55aa_0000_1000,
            file: 77,
            offset: 0x1139,
            tid: 812,
            reserved: 0,
        }
    }

    pub(crate) fn bytes_of(record: &common::Mapping) -> [u8; size_of::<common::Mapping>()] {
        // SAFETY: integers without padding.
        unsafe { std::mem::transmute(*record) }
    }

    /// The record of that file, whose path consists of these names.
    pub(crate) fn file_of(names: &[u8], flags: u32) -> Vec<u8> {
        let length = size_of::<common::File>() + names.len();
        let record = common::File {
            header: common::Header {
                kind: RecordKind::File as u8,
                version: 1,
                length: u16::try_from(length).unwrap(),
                ..common::Header::default()
            },
            token: 77,
            inode: 4321,
            device: 8 << 20 | 1,
            flags,
        };
        // SAFETY: integers without padding.
        let bytes: [u8; size_of::<common::File>()] = unsafe { std::mem::transmute(record) };
        [&bytes, names].concat()
    }

    #[test]
    fn a_mapping_tells_where_an_address_is() {
        let expected =
            Mapping { time_ns: 5, address: 0x55aa_0000_1000, file: Some((77, 0x1139)), tid: 812 };
        assert_eq!(code(&bytes_of(&mapped(5))), Ok(Code::Mapping(expected)));
        let of_none = common::Mapping { file: 0, ..mapped(5) };
        let expected = Mapping { file: None, ..expected };
        assert_eq!(code(&bytes_of(&of_none)), Ok(Code::Mapping(expected)));
    }

    #[test]
    fn a_file_tells_what_it_is_called() {
        let record = file_of(b"nginx\0sbin\0usr\0", Process::EXE);
        let expected = File {
            token: 77,
            inode: 4321,
            device: libc::makedev(8, 1),
            path: Path::Whole(b"nginx\0sbin\0usr\0"),
            is_deleted: false,
        };
        assert_eq!(code(&record), Ok(Code::File(expected)));
        let record = file_of(b"nginx\0", Process::EXE_DELETED);
        let expected = File { path: Path::Cut, is_deleted: true, ..expected };
        assert_eq!(code(&record), Ok(Code::File(expected)));
    }

    #[test]
    fn bytes_that_are_no_such_record_are_refused() {
        let mut record = bytes_of(&mapped(5));
        record[2] = 20;
        assert_eq!(code(&record), Err(DecodeError::TooShort { length: 20, needed: 48 }));
        record[0] = RecordKind::Call as u8;
        assert_eq!(code(&record), Err(DecodeError::OtherKind(RecordKind::Call as u8)));
        assert!(!is_code(&record));
    }
}
