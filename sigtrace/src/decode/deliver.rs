//! A signal that is taken (`sigtrace_common::Deliver`).

use std::mem::{offset_of, size_of};

use sigtrace_common::{self as common, Abi, KERNEL_SIGINFO_SIZE, RecordKind};

use super::{
    DecodeError, Flags, Handler, Siginfo, SignalKey, Thread, WallClock, bytes, bytes::Layout,
    header, thread,
};
use crate::names::{sa_flags::SA, signal};

/// A signal that a thread takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deliver {
    /// The event's id. Decoding leaves it 0, and the number, too, as only who prints can count.
    pub id: u64,
    /// The number of the event.
    pub seq: u64,
    /// The id of the signal as it was sent, likewise; [`key`](Self::key) tells which that is.
    pub generate: Option<u64>,
    /// Wall clock when it was taken, in nanoseconds since 1970 (UTC).
    pub time_ns: u64,
    /// The processor that the thread was on.
    pub cpu: u32,
    /// What tells the signal from others, as it was sent; `None` if that is not known.
    pub key: Option<SignalKey>,
    /// Nanoseconds since it was sent, if that is known.
    pub latency_ns: Option<u64>,
    /// The signal.
    pub signal: i32,
    /// What comes with it.
    pub info: Siginfo,
    /// What the thread does.
    pub handler: Handler,
    /// How (`sa_flags`).
    pub flags: Flags,
    /// The thread.
    pub thread: Thread,
}

/// The real user id of the thread, in such a record; 0 if the bytes are none.
pub fn uid_of_taker(record: &[u8]) -> u32 {
    let at = offset_of!(common::Deliver, process) + offset_of!(common::Thread, uid);
    bytes::u32(record, at).unwrap_or(0)
}

/// Decodes such a record.
///
/// # Errors
///
/// When the bytes are none.
pub fn deliver(record: &[u8], clock: WallClock) -> Result<Deliver, DecodeError> {
    let record = header::record_of(RecordKind::Deliver, record)?;
    let needed = size_of::<common::Deliver>();
    let too_short = DecodeError::TooShort { length: record.len(), needed };
    let deliver = read(record, clock).ok_or(too_short)?;
    if (1..=signal::MAX).contains(&deliver.signal) {
        Ok(deliver)
    } else {
        Err(DecodeError::UnknownSignal(deliver.signal))
    }
}

fn read(record: &[u8], clock: WallClock) -> Option<Deliver> {
    record.get(..size_of::<common::Deliver>())?;
    let long = |offset| bytes::u64(record, offset);
    let time_ns = long(offset_of!(common::Deliver, time_ns))?;
    let sent_ns = Some(long(offset_of!(common::Deliver, generated_ns))?).filter(|time| *time != 0);
    let [signal] = bytes::array(record, offset_of!(common::Deliver, signal))?;
    let info: [u8; KERNEL_SIGINFO_SIZE] = bytes::array(record, offset_of!(common::Deliver, info))?;
    let thread = thread::thread(record, offset_of!(common::Deliver, process), clock)?;
    Some(Deliver {
        id: 0,
        seq: 0,
        generate: None,
        time_ns: clock.unix_ns(time_ns),
        cpu: header::cpu(record)?,
        key: sent_ns.map(|sent_ns| SignalKey { pid: thread.process.pid, sent_ns }),
        // The clock of one processor can be a little behind that of another.
        latency_ns: sent_ns.map(|sent_ns| time_ns.saturating_sub(sent_ns)),
        signal: signal.into(),
        info: Siginfo::decode_sent(Layout::of(Abi::X86_64, &info), signal.into())?,
        handler: Handler::new(long(offset_of!(common::Deliver, handler))?),
        flags: Flags { table: &SA, bits: long(offset_of!(common::Deliver, flags))? },
        thread,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use sigtrace_common::tag::tag;

    use super::*;
    use crate::decode::{Comm, Members, Process, tests_of_generate as sent};

    /// A record of SIGTERM that nginx takes, 4,100 ns after it was sent.
    pub(crate) fn taken() -> common::Deliver {
        common::Deliver {
            header: common::Header {
                kind: RecordKind::Deliver as u8,
                version: 2,
                length: size_of::<common::Deliver>() as u16,
                cpu: 2,
                more: 0,
            },
            time_ns: 1_000_004_101,
            generated_ns: 1_000_000_001,
            info: sent::terminate().info,
            handler: 0x55aa_0000_1000,
            flags: 0x1400_0000,
            process: sent::terminate().target,
            signal: 15,
            reserved: [0; 7],
        }
    }

    pub(crate) fn bytes_of(record: &common::Deliver) -> [u8; size_of::<common::Deliver>()] {
        // SAFETY: integers without padding.
        unsafe { std::mem::transmute(*record) }
    }

    const CLOCK: WallClock = WallClock { offset_ns: 5_000_000_000 };

    #[test]
    fn a_signal_that_is_taken_tells_by_whom_and_which_it_is() {
        let process = Process {
            pid: 812,
            start_ns: 5_400_000_001,
            comm: Comm(*b"nginx\0\0\0\0\0\0\0\0\0\0\0"),
            ppid: Some(1),
            uid: 33,
            gid: 34,
        };
        let expected = Deliver {
            id: 0,
            seq: 0,
            generate: None,
            time_ns: 6_000_004_101,
            cpu: 2,
            key: Some(SignalKey { pid: 812, sent_ns: 1_000_000_001 }),
            latency_ns: Some(4_100),
            signal: 15,
            info: Siginfo {
                signo: 15,
                written_signo: None,
                rest: None,
                code: 0,
                errno: 0,
                members: Members::Kill { pid: 900, uid: 1000 },
            },
            handler: Handler::Function(0x55aa_0000_1000),
            flags: Flags { table: &SA, bits: 0x1400_0000 },
            thread: Thread { process, tid: 812, tag: tag(400_000_001, 7), cgroup: Some(4321) },
        };
        assert_eq!(deliver(&bytes_of(&taken()), CLOCK), Ok(expected));
        let unknown = common::Deliver { generated_ns: 0, ..taken() };
        let unknown = deliver(&bytes_of(&unknown), CLOCK).unwrap();
        assert_eq!((unknown.key, unknown.latency_ns), (None, None));
        let behind = common::Deliver { generated_ns: u64::MAX, ..taken() };
        assert_eq!(deliver(&bytes_of(&behind), CLOCK).unwrap().latency_ns, Some(0));
    }

    #[test]
    fn bytes_that_are_no_such_record_are_refused() {
        let error = |record: common::Deliver| deliver(&bytes_of(&record), CLOCK).unwrap_err();
        for signal in [0, 65, 255] {
            let expected = DecodeError::UnknownSignal(signal.into());
            assert_eq!(error(common::Deliver { signal, ..taken() }), expected);
        }
        let mut short = taken();
        short.header.length = 100;
        assert_eq!(error(short), DecodeError::TooShort { length: 100, needed: 160 });
        let mut other = taken();
        (other.header.kind, other.header.version) = (1, 1);
        assert_eq!(error(other), DecodeError::OtherKind(1));
    }
}
