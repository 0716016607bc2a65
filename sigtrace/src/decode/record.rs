//! The record itself (`sigtrace_common::Record`).

use std::mem::offset_of;

use sigtrace_common::{
    Abi, Access, Arg, Capture, DATA_OFFSET, Kind, MAX_ARGS, Record, SYSCALLS, State, Syscall,
};

use super::{
    Call, Comm, DecodeError, Flags, Return, Sigaction, Siginfo, SignalSet, Stack, Timespec, Value,
    WallClock,
    bytes::{self, Layout},
};
use crate::names::{FlagTable, pidfd, sfd::SFD};

/// Decodes a record as it came out of the ring, or out of a thread's slot. Bytes after its end are
/// not looked at.
///
/// # Errors
///
/// When the bytes are not a record of a call.
pub fn call(record: &[u8], clock: WallClock) -> Result<Call, DecodeError> {
    let too_short = |needed| DecodeError::TooShort { length: record.len(), needed };
    let header: &[u8; DATA_OFFSET] = record.first_chunk().ok_or(too_short(DATA_OFFSET))?;
    let header = Header::read(header).ok_or(too_short(DATA_OFFSET))?;

    let syscall = SYSCALLS
        .get(usize::from(header.syscall))
        .ok_or(DecodeError::UnknownSyscall(header.syscall))?;
    let abi = Abi::from_number(header.abi).ok_or(DecodeError::UnknownAbi(header.abi))?;
    let outcome = match State::from_number(header.state) {
        Some(State::Returned) => Return::Value { ret: header.ret, duration_ns: header.duration_ns },
        Some(State::Missed) => Return::Missed,
        Some(State::Entered) => Return::Unfinished,
        Some(State::Idle) | None => return Err(DecodeError::UnknownState(header.state)),
    };

    let needed = DATA_OFFSET + syscall.data_size();
    if record.len() < needed {
        return Err(too_short(needed));
    }

    Ok(Call {
        seq: 0,
        time_ns: clock.unix_ns(header.entered_ns),
        cpu: header.cpu,
        row: usize::from(header.syscall),
        syscall,
        abi,
        pid: header.pid,
        tid: header.tid,
        ppid: Some(header.ppid).filter(|pid| *pid != 0),
        uid: header.uid,
        gid: header.gid,
        comm: Comm(header.comm),
        cgroup: header.cgroup,
        values: values(syscall, abi, &header, record)?,
        target: Some(header.target).filter(|pid| *pid != 0),
        outcome,
    })
}

/// What every record has.
struct Header {
    entered_ns: u64,
    duration_ns: u64,
    ret: i64,
    args: [u64; MAX_ARGS],
    cgroup: u64,
    tid: u32,
    pid: u32,
    uid: u32,
    gid: u32,
    ppid: u32,
    cpu: u32,
    comm: [u8; 16],
    target: u32,
    syscall: u16,
    abi: u8,
    state: u8,
    captures: [u8; MAX_ARGS],
}

impl Header {
    fn read(from: &[u8; DATA_OFFSET]) -> Option<Self> {
        let mut args = [0; MAX_ARGS];
        for (index, arg) in args.iter_mut().enumerate() {
            *arg = bytes::u64(from, offset_of!(Record, args) + 8 * index)?;
        }
        let [abi] = bytes::array(from, offset_of!(Record, abi))?;
        let [state] = bytes::array(from, offset_of!(Record, state))?;
        Some(Self {
            entered_ns: bytes::u64(from, offset_of!(Record, entered_ns))?,
            duration_ns: bytes::u64(from, offset_of!(Record, duration_ns))?,
            ret: bytes::i64(from, offset_of!(Record, ret))?,
            args,
            cgroup: bytes::u64(from, offset_of!(Record, cgroup))?,
            tid: bytes::u32(from, offset_of!(Record, tid))?,
            pid: bytes::u32(from, offset_of!(Record, pid))?,
            uid: bytes::u32(from, offset_of!(Record, uid))?,
            gid: bytes::u32(from, offset_of!(Record, gid))?,
            ppid: bytes::u32(from, offset_of!(Record, ppid))?,
            cpu: bytes::u32(from, offset_of!(Record, cpu))?,
            comm: bytes::array(from, offset_of!(Record, comm))?,
            target: bytes::u32(from, offset_of!(Record, target))?,
            syscall: bytes::u16(from, offset_of!(Record, syscall))?,
            abi,
            state,
            captures: bytes::array(from, offset_of!(Record, captures))?,
        })
    }
}

/// The values of the call's arguments.
fn values(
    syscall: &'static Syscall,
    abi: Abi,
    header: &Header,
    record: &[u8],
) -> Result<[Value; MAX_ARGS], DecodeError> {
    let mut values = [Value::Null; MAX_ARGS];
    let mut offset = DATA_OFFSET;
    for (index, arg) in syscall.args.iter().enumerate() {
        let (Some(value), Some(&raw), Some(&capture)) =
            (values.get_mut(index), header.args.get(index), header.captures.get(index))
        else {
            break;
        };
        let register = if abi.is_64bit() { raw } else { u64::from(low(raw)) };
        *value = match arg.access {
            Access::Value => scalar(arg.kind, register),
            Access::In | Access::Out | Access::Frame => {
                let capture = Capture::from_number(capture)
                    .ok_or(DecodeError::UnknownCapture { argument: index, capture })?;
                let bytes = record.get(offset..).unwrap_or_default();
                let layout = Layout { bytes, wide: abi.is_64bit() };
                pointer(arg, capture, register, layout).ok_or(DecodeError::TooShort {
                    length: record.len(),
                    needed: offset + arg.kind.size(),
                })?
            }
        };
        offset += arg.kind.size().next_multiple_of(8);
    }
    Ok(values)
}

/// An argument that is its own value.
fn scalar(kind: Kind, register: u64) -> Value {
    let int = low(register).cast_signed();
    let flags =
        |table: &'static FlagTable| Value::Flags(Flags { table, bits: u64::from(low(register)) });
    match kind {
        Kind::Pid | Kind::Tid | Kind::Fd | Kind::Pidfd => Value::Int(int),
        Kind::Size => Value::Size(register),
        Kind::Signal => Value::Signal(int),
        Kind::How => Value::How(int),
        Kind::SignalfdFlags => flags(&SFD),
        Kind::PidfdSignalFlags => flags(&pidfd::SIGNAL),
        Kind::PidfdOpenFlags => flags(&pidfd::OPEN),
        Kind::SignalSet | Kind::Sigaction | Kind::Siginfo | Kind::Stack | Kind::Timespec => {
            address(register)
        }
    }
}

/// An argument that points to its value. `None` if the value is larger than what was captured.
fn pointer(arg: &Arg, capture: Capture, register: u64, layout: Layout<'_>) -> Option<Value> {
    Some(match capture {
        Capture::None => address(register),
        Capture::Unreadable => Value::Unreadable(register),
        Capture::Whole => match arg.kind {
            Kind::SignalSet => Value::Set(SignalSet(layout.set(0, 0)?)),
            Kind::Sigaction => Value::Sigaction(Sigaction::decode(layout)?),
            Kind::Siginfo => Value::Siginfo(Siginfo::decode(layout)?),
            Kind::Stack => Value::Stack(Stack::decode(layout)?),
            Kind::Timespec => Value::Timespec(Timespec::decode(layout)?),
            value => scalar(value, register),
        },
    })
}

/// A pointer to something that was not read.
fn address(register: u64) -> Value {
    if register == 0 { Value::Null } else { Value::Address(register) }
}

/// The half of a register that carries an `int`.
fn low(register: u64) -> u32 {
    (register & u64::from(u32::MAX)) as u32
}
