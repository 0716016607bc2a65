//! The end of a process by a signal (`sigtrace_common::Exit`).

use std::mem::{offset_of, size_of};

use sigtrace_common::{self as common, RecordKind, tag::tag};

use super::{Comm, DecodeError, WallClock, bytes, header};
use crate::names::signal;

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id, in the initial pid namespace.
    pub pid: u32,
    /// Wall clock when it began, in nanoseconds since 1970 (UTC).
    pub start_ns: u64,
    /// The name of its first thread.
    pub comm: Comm,
    /// Its parent, if it has one.
    pub ppid: Option<u32>,
    /// Its real user id, in the initial user namespace.
    pub uid: u32,
    /// Likewise, its group's.
    pub gid: u32,
}

/// A process that a signal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The event's id. Decoding leaves it 0, and the number, too, as only who prints can count.
    pub id: u64,
    /// The number of the event.
    pub seq: u64,
    /// Wall clock when the last thread ended, in nanoseconds since 1970 (UTC).
    pub time_ns: u64,
    /// The processor that it ended on.
    pub cpu: u32,
    /// The signal.
    pub signal: i32,
    /// Whether memory was dumped.
    pub core_dumped: bool,
    /// The [tag](sigtrace_common::tag) of the process.
    pub tag: u32,
    /// The process.
    pub process: Process,
}

/// Whether a record is of this kind, as far as its first byte tells.
pub fn is_exit(record: &[u8]) -> bool {
    record.first() == Some(&(RecordKind::Exit as u8))
}

/// Decodes such a record.
///
/// # Errors
///
/// When the bytes are none.
pub fn exit(record: &[u8], clock: WallClock) -> Result<Exit, DecodeError> {
    let (RecordKind::Exit, record) = header::record(record)? else {
        return Err(DecodeError::OtherKind(record.first().copied().unwrap_or(0)));
    };
    let needed = size_of::<common::Exit>();
    let too_short = DecodeError::TooShort { length: record.len(), needed };
    let exit = read(record, clock).ok_or(too_short)?;
    if (1..=signal::MAX).contains(&exit.signal) {
        Ok(exit)
    } else {
        Err(DecodeError::UnknownSignal(exit.signal))
    }
}

fn read(record: &[u8], clock: WallClock) -> Option<Exit> {
    record.get(..size_of::<common::Exit>())?;
    let word = |offset| bytes::u32(record, offset);
    let time = |offset| bytes::u64(record, offset).map(|time_ns| clock.unix_ns(time_ns));
    let status = word(offset_of!(common::Exit, status))?;
    Some(Exit {
        id: 0,
        seq: 0,
        time_ns: time(offset_of!(common::Exit, time_ns))?,
        cpu: word(offset_of!(common::Exit, header) + offset_of!(common::Header, cpu))?,
        signal: (status & common::Exit::SIGNAL).cast_signed(),
        core_dumped: status & common::Exit::CORE != 0,
        tag: tag(
            bytes::u64(record, offset_of!(common::Exit, start_ns))?,
            word(offset_of!(common::Exit, execs))?,
        ),
        process: Process {
            pid: word(offset_of!(common::Exit, pid))?,
            start_ns: time(offset_of!(common::Exit, start_ns))?,
            comm: Comm(bytes::array(record, offset_of!(common::Exit, comm))?),
            ppid: Some(word(offset_of!(common::Exit, ppid))?).filter(|pid| *pid != 0),
            uid: word(offset_of!(common::Exit, uid))?,
            gid: word(offset_of!(common::Exit, gid))?,
        },
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::decode::sample::Sample;

    /// The record of a process that SIGSEGV ended, with this in the place of that.
    pub(crate) fn segfault(changes: &[(usize, &[u8])]) -> Vec<u8> {
        let mut record = [
            RecordKind::Exit.head(64).to_ne_bytes().as_slice(),
            &3_u32.to_ne_bytes(),
            &1_000_000_001_u64.to_ne_bytes(),
            &400_000_001_u64.to_ne_bytes(),
            b"nginx\0\0\0\0\0\0\0\0\0\0\0",
            &812_u32.to_ne_bytes(),
            &1_u32.to_ne_bytes(),
            &33_u32.to_ne_bytes(),
            &34_u32.to_ne_bytes(),
            &(11_u32 | 0x80).to_ne_bytes(),
            &7_u32.to_ne_bytes(),
        ]
        .concat();
        for (offset, bytes) in changes {
            record[*offset..*offset + bytes.len()].copy_from_slice(bytes);
        }
        record
    }

    const CLOCK: WallClock = WallClock { offset_ns: 5_000_000_000 };

    #[test]
    fn the_end_of_a_process_tells_by_what_and_whose_it_is() {
        let process = Process {
            pid: 812,
            start_ns: 5_400_000_001,
            comm: Comm(*b"nginx\0\0\0\0\0\0\0\0\0\0\0"),
            ppid: Some(1),
            uid: 33,
            gid: 34,
        };
        let expected = Exit {
            id: 0,
            seq: 0,
            time_ns: 6_000_000_001,
            cpu: 3,
            signal: 11,
            core_dumped: true,
            tag: tag(400_000_001, 7),
            process,
        };
        assert!(is_exit(&segfault(&[])));
        assert_eq!(exit(&segfault(&[]), CLOCK), Ok(expected));
        let status = offset_of!(common::Exit, status);
        let killed = segfault(&[(status, &9_u32.to_ne_bytes())]);
        assert_eq!(exit(&killed, CLOCK), Ok(Exit { signal: 9, core_dumped: false, ..expected }));
    }

    #[test]
    fn a_process_without_a_parent_has_none() {
        let ppid = offset_of!(common::Exit, ppid);
        let orphan = exit(&segfault(&[(ppid, &[0; 4])]), CLOCK).unwrap();
        assert_eq!(orphan.process.ppid, None);
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        let status = offset_of!(common::Exit, status);
        for number in [0_u8, 65, 127] {
            let other = segfault(&[(status, &[number | 0x80])]);
            let error = DecodeError::UnknownSignal(number.into());
            assert_eq!(exit(&other, CLOCK), Err(error));
        }
    }

    #[test]
    fn bytes_that_are_no_such_record_are_refused() {
        let short = RecordKind::Exit.head(60).to_ne_bytes();
        let error = DecodeError::TooShort { length: 60, needed: 64 };
        assert_eq!(exit(&segfault(&[(0, &short)]), CLOCK), Err(error));
        let pause = Sample::of("pause", &[]);
        assert!(!is_exit(pause.bytes()) && !is_exit(&[]));
        assert_eq!(exit(pause.bytes(), CLOCK), Err(DecodeError::OtherKind(1)));
    }
}
