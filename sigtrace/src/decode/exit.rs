//! The end of a process by a signal (`sigtrace_common::Exit`).

use std::mem::{offset_of, size_of};

use sigtrace_common::{self as common, Abi, RecordKind, ending, tag::tag};

use super::{Comm, DecodeError, Process, SignalKey, WallClock, bytes, header};
use crate::names::{audit_arch, signal};

/// Why a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A signal.
    Signal,
    /// A filter refused a system call, for which this kernel sends no signal.
    Seccomp(Refused),
}

/// A system call that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its number.
    pub number: i32,
    /// The interface it was made through, an `AUDIT_ARCH_*`.
    pub arch: u32,
}

impl Reason {
    /// The words for all.
    pub const NAMES: [&'static str; 2] = ["signal", "seccomp"];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signal => Self::NAMES[0],
            Self::Seccomp(_) => Self::NAMES[1],
        }
    }
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
    /// The id of the signal as it was sent, likewise; [`key`](Self::key) tells which that is.
    pub generate: Option<u64>,
    /// What tells the signal from others, as it was sent; `None` if that is not known.
    pub key: Option<SignalKey>,
    /// Why it ended.
    pub reason: Reason,
    /// The signal.
    pub signal: i32,
    /// Whether memory was dumped.
    pub core_dumped: bool,
    /// The [tag](sigtrace_common::tag) of the process.
    pub tag: u32,
    /// The id of its control group, if that was asked for.
    pub cgroup: Option<u64>,
    /// The process.
    pub process: Process,
}

/// Decodes such a record.
///
/// # Errors
///
/// When the bytes are none.
pub fn exit(record: &[u8], clock: WallClock) -> Result<Exit, DecodeError> {
    let record = header::record_of(RecordKind::Exit, record)?;
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
    let byte = |offset| bytes::array::<1>(record, offset).map(|[byte]| byte);
    let time = |offset| bytes::u64(record, offset).map(|time_ns| clock.unix_ns(time_ns));
    let status = word(offset_of!(common::Exit, status))?;
    let signal = (status & common::Exit::SIGNAL).cast_signed();
    let pid = word(offset_of!(common::Exit, pid))?;
    let fatal_ns = bytes::u64(record, offset_of!(common::Exit, fatal_ns))?;
    let refused = Refused {
        number: word(offset_of!(common::Exit, number))?.cast_signed(),
        arch: arch(byte(offset_of!(common::Exit, abi))?),
    };
    Some(Exit {
        id: 0,
        seq: 0,
        time_ns: time(offset_of!(common::Exit, time_ns))?,
        cpu: header::cpu(record)?,
        generate: None,
        key: (fatal_ns != 0).then_some(SignalKey { pid, sent_ns: fatal_ns }),
        reason: reason(byte(offset_of!(common::Exit, ending))?, signal, refused),
        signal,
        core_dumped: status & common::Exit::CORE != 0,
        tag: tag(
            bytes::u64(record, offset_of!(common::Exit, start_ns))?,
            word(offset_of!(common::Exit, execs))?,
        ),
        cgroup: Some(bytes::u64(record, offset_of!(common::Exit, cgroup))?).filter(|id| *id != 0),
        process: Process {
            pid,
            start_ns: time(offset_of!(common::Exit, start_ns))?,
            comm: Comm(bytes::array(record, offset_of!(common::Exit, comm))?),
            ppid: Some(word(offset_of!(common::Exit, ppid))?).filter(|pid| *pid != 0),
            uid: word(offset_of!(common::Exit, uid))?,
            gid: word(offset_of!(common::Exit, gid))?,
        },
    })
}

/// Why it ended. Without a signal a filter ends a process by SIGSYS, and strict mode by SIGKILL
/// (`__seccomp_filter`, `__secure_computing_strict`, `kernel/seccomp.c`).
fn reason(ending: u8, signal: i32, refused: Refused) -> Reason {
    const WITHOUT: u8 = ending::BY_NO_SIGNAL | ending::SECCOMP;
    /// `SIGKILL` and `SIGSYS`.
    const SIGNALS: [i32; 2] = [9, 31];
    if ending & WITHOUT == WITHOUT && SIGNALS.contains(&signal) && refused.number >= 0 {
        Reason::Seccomp(refused)
    } else {
        Reason::Signal
    }
}

/// The `AUDIT_ARCH_*` of an [`Abi`]'s number.
fn arch(abi: u8) -> u32 {
    audit_arch::of(Abi::from_number(abi).unwrap_or(Abi::X86_64))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::decode::sample::Sample;

    /// The record of a process that SIGSEGV ended, with this in the place of that.
    pub(crate) fn segfault(changes: &[(usize, &[u8])]) -> Vec<u8> {
        let mut record = [
            RecordKind::Exit.head(88).to_ne_bytes().as_slice(),
            &3_u32.to_ne_bytes(),
            &1_000_000_001_u64.to_ne_bytes(),
            &400_000_001_u64.to_ne_bytes(),
            &4321_u64.to_ne_bytes(),
            b"nginx\0\0\0\0\0\0\0\0\0\0\0",
            &812_u32.to_ne_bytes(),
            &1_u32.to_ne_bytes(),
            &33_u32.to_ne_bytes(),
            &34_u32.to_ne_bytes(),
            &(11_u32 | 0x80).to_ne_bytes(),
            &7_u32.to_ne_bytes(),
            &990_000_001_u64.to_ne_bytes(),
            &u32::MAX.to_ne_bytes(),
            &[0; 4],
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
            generate: None,
            key: Some(SignalKey { pid: 812, sent_ns: 990_000_001 }),
            reason: Reason::Signal,
            signal: 11,
            core_dumped: true,
            tag: tag(400_000_001, 7),
            cgroup: Some(4321),
            process,
        };
        assert_eq!(header::kind(&segfault(&[])), Some(RecordKind::Exit));
        assert_eq!(exit(&segfault(&[]), CLOCK), Ok(expected));
        let status = offset_of!(common::Exit, status);
        let killed = segfault(&[(status, &9_u32.to_ne_bytes())]);
        assert_eq!(exit(&killed, CLOCK), Ok(Exit { signal: 9, core_dumped: false, ..expected }));
    }

    #[test]
    fn a_filter_that_ends_a_process_without_a_signal_is_told_with_what_it_refused() {
        let ending = (ending::BY_NO_SIGNAL | ending::SECCOMP).to_ne_bytes();
        let refused = |ending: &[u8], signal: u8, number: u32, abi: u8| {
            let changes = [
                (offset_of!(common::Exit, status), &[signal][..]),
                (offset_of!(common::Exit, ending), ending),
                (offset_of!(common::Exit, fatal_ns), &[0; 8]),
                (offset_of!(common::Exit, number), &number.to_ne_bytes()),
                (offset_of!(common::Exit, abi), &[abi]),
            ];
            let exit = exit(&segfault(&changes), CLOCK).unwrap();
            assert_eq!(exit.key, None);
            exit.reason
        };
        let mkdir = Reason::Seccomp(Refused { number: 39, arch: 0x4000_0003 });
        assert_eq!(refused(&ending, 31, 39, Abi::I386 as u8), mkdir);
        let kill = Reason::Seccomp(Refused { number: 62, arch: 0xc000_003e });
        assert_eq!(refused(&ending, 9, 62, Abi::X86_64 as u8), kill);
        assert_eq!(refused(&ending, 11, 62, 0), Reason::Signal);
        assert_eq!(refused(&ending, 31, u32::MAX, 0), Reason::Signal);
        for bit in [ending::BY_NO_SIGNAL, ending::SECCOMP] {
            assert_eq!(refused(&bit.to_ne_bytes(), 31, 39, 0), Reason::Signal);
        }
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
        let short = RecordKind::Exit.head(76).to_ne_bytes();
        let error = DecodeError::TooShort { length: 76, needed: 88 };
        assert_eq!(exit(&segfault(&[(0, &short)]), CLOCK), Err(error));
        let pause = Sample::of("pause", &[]);
        assert_eq!(header::kind(pause.bytes()), Some(RecordKind::Call));
        assert_eq!(header::kind(&[]), None);
        assert_eq!(exit(pause.bytes(), CLOCK), Err(DecodeError::OtherKind(1)));
    }
}
