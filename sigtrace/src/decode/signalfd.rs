//! `struct signalfd_siginfo` (`include/uapi/linux/signalfd.h`): what a read from a signalfd gives.
//!
//! It has a place for every member of a siginfo_t, of which the kernel fills those that the code
//! and the signal select (`signalfd_copyinfo`, `fs/signalfd.c`). The bounds of `SEGV_BNDERR`,
//! protection keys and perf's data have no place in it.

use sigtrace_common::SIGNALFD_SIGINFO_SIZE;

use super::{
    Fault, Flags, Members, Siginfo, Sigval, bytes,
    siginfo::{Arm, arm},
};
use crate::names::poll::POLL;

/// The structures read from a signalfd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalfdSiginfos<'a> {
    /// The structures, one after the other.
    bytes: &'a [u8],
    /// The address after the last one, if more were read than the record has.
    pub rest: Option<u64>,
}

impl<'a> SignalfdSiginfos<'a> {
    /// As many of the structures in `bytes` as were read, `read` being how many bytes that were,
    /// and `address` where to.
    pub(super) fn new(bytes: &'a [u8], read: u64, address: u64) -> Self {
        let size = SIGNALFD_SIGINFO_SIZE as u64;
        let read = read - read % size;
        let length = bytes.len() - bytes.len() % SIGNALFD_SIGINFO_SIZE;
        let length = usize::try_from(read).map_or(length, |read| length.min(read));
        let bytes = bytes.get(..length).unwrap_or_default();
        let rest = (length as u64) < read;
        Self { bytes, rest: rest.then(|| address.wrapping_add(length as u64)) }
    }

    /// What is read of a signal with this number and code, its other members being 0.
    pub fn of(signo: i32, code: i32) -> Option<Siginfo> {
        let mut bytes = [0; SIGNALFD_SIGINFO_SIZE];
        bytes.get_mut(..4)?.copy_from_slice(&signo.to_ne_bytes());
        bytes.get_mut(8..12)?.copy_from_slice(&code.to_ne_bytes());
        decode(&bytes)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Siginfo> {
        self.bytes.chunks_exact(SIGNALFD_SIGINFO_SIZE).filter_map(decode)
    }
}

fn decode(bytes: &[u8]) -> Option<Siginfo> {
    let signo = bytes::u32(bytes, 0)?.cast_signed();
    let (errno, code) = (bytes::i32(bytes, 4)?, bytes::i32(bytes, 8)?);
    let pid = bytes::u32(bytes, 12)?.cast_signed();
    let uid = bytes::u32(bytes, 16)?;
    let value = Sigval { int: bytes::i32(bytes, 44)?, ptr: bytes::u64(bytes, 48)? };
    let members = match arm(signo, code) {
        Arm::Kill => Members::Kill { pid, uid },
        Arm::Timer => Members::Timer {
            timerid: bytes::u32(bytes, 24)?.cast_signed(),
            overrun: bytes::u32(bytes, 32)?.cast_signed(),
            value,
        },
        Arm::Poll => Members::Poll {
            band: Flags { table: &POLL, bits: bytes::u32(bytes, 28)?.into() },
            fd: bytes::i32(bytes, 20)?,
        },
        Arm::Fault => Members::Fault {
            addr: bytes::u64(bytes, 72)?,
            detail: if Fault::has_addr_lsb(signo, code) {
                Fault::Memory { addr_lsb: bytes::i16(bytes, 80)? }
            } else {
                Fault::Plain
            },
        },
        Arm::Child => Members::Child {
            pid,
            uid,
            status: bytes::i32(bytes, 40)?,
            utime: bytes::i64(bytes, 56)?,
            stime: bytes::i64(bytes, 64)?,
        },
        Arm::Rt => Members::Rt { pid, uid, value },
        Arm::Sys => Members::Sys {
            call_addr: bytes::u64(bytes, 88)?,
            syscall: bytes::i32(bytes, 84)?,
            arch: bytes::u32(bytes, 96)?,
        },
    };
    Some(Siginfo { signo, written_signo: None, rest: None, code, errno, members })
}
