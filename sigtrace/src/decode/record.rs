//! The record itself (`sigtrace_common::Record`).

use std::mem::offset_of;

use sigtrace_common::{
    Abi, Access, Arg, Capture, DATA_OFFSET, Group, Kind, MAX_ARGS, Record, RecordKind,
    SIGNALFD_SIGINFO_SIZE, SYSCALLS, State, Syscall, UNKNOWN_MASK,
};

use super::{
    ActionChange, Call, Comm, DecodeError, Flags, Handler, MaskChange, NamespaceIds, Reach, Rest,
    Return, Sigaction, Siginfo, SignalSet, SignalfdSiginfos, Stack, Timespec, Value, WallClock,
    bytes::{self, Layout},
    header, layout,
};
use crate::names::{FlagTable, errno, pidfd, sfd::SFD};

/// Decodes a record as it came out of the ring, or out of a thread's slot. Bytes after its end are
/// not looked at.
///
/// # Errors
///
/// When the bytes are not a record of a call.
pub fn call(record: &[u8], clock: WallClock) -> Result<Call<'_>, DecodeError> {
    let record = header::record_of(RecordKind::Call, record)?;
    let too_short = |needed| DecodeError::TooShort { length: record.len(), needed };
    let header: &[u8; DATA_OFFSET] = record.first_chunk().ok_or(too_short(DATA_OFFSET))?;
    let header = Header::read(header).ok_or(too_short(DATA_OFFSET))?;

    let row = usize::from(header.syscall);
    let (Some(syscall), Some(layout)) = (SYSCALLS.get(row), layout::of(row)) else {
        return Err(DecodeError::UnknownSyscall(header.syscall));
    };
    let abi = Abi::from_number(header.abi).ok_or(DecodeError::UnknownAbi(header.abi))?;
    let outcome = match State::from_number(header.state) {
        Some(State::Returned) => Return::Value { ret: header.ret, duration_ns: header.duration_ns },
        Some(State::Missed) => Return::Missed,
        Some(State::Entered) => Return::Unfinished,
        Some(State::Idle) | None => return Err(DecodeError::UnknownState(header.state)),
    };

    if record.len() < layout.size {
        return Err(too_short(layout.size));
    }

    let values = values(syscall, abi, outcome, &header, record)?;
    let action_change = layout.action.and_then(|(index, offset)| {
        let given = index.checked_sub(1)?;
        if *header.captures.get(given)? == Capture::Late as u8 {
            return None;
        }
        let given = values.get(given)?;
        let kept = || {
            if *header.captures.get(index)? != Capture::Kept as u8 {
                return None;
            }
            let bytes = Layout::of(abi, record.get(offset..)?);
            action(syscall.args.get(index)?.kind, bytes)
        };
        ActionChange::of(outcome, [given, values.get(index)?], kept)
    });
    Ok(Call {
        id: 0,
        seq: 0,
        time_ns: clock.unix_ns(header.entered_ns),
        cpu: header.cpu,
        row,
        syscall,
        abi,
        pid: header.pid,
        tid: header.tid,
        ns: Some(NamespaceIds { pid: header.ns_pid, tid: header.ns_tid }).filter(|ns| ns.tid != 0),
        ppid: Some(header.ppid).filter(|pid| *pid != 0),
        uid: header.uid,
        gid: header.gid,
        comm: Comm(header.comm),
        cgroup: header.cgroup,
        values,
        late: late(syscall, &header),
        target: Some(header.target).filter(|target| *target != 0),
        caller_tag: header.caller,
        named: named(syscall, &header),
        outcome,
        reach: reach(syscall, layout.number, outcome, &header),
        taken: None,
        mask_change: mask_change(layout.masks, outcome, record),
        action_change,
    })
}

/// What every record of a call has.
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
    more: u16,
    comm: [u8; 16],
    target: i32,
    ns_pid: u32,
    ns_tid: u32,
    caller: u32,
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
            cpu: super::header::cpu(from)?,
            more: bytes::u16(
                from,
                offset_of!(Record, header) + offset_of!(sigtrace_common::Header, more),
            )?,
            comm: bytes::array(from, offset_of!(Record, comm))?,
            target: bytes::i32(from, offset_of!(Record, target))?,
            ns_pid: bytes::u32(from, offset_of!(Record, ns_pid))?,
            ns_tid: bytes::u32(from, offset_of!(Record, ns_tid))?,
            caller: bytes::u32(from, offset_of!(Record, caller))?,
            syscall: bytes::u16(from, offset_of!(Record, syscall))?,
            abi,
            state,
            captures: bytes::array(from, offset_of!(Record, captures))?,
        })
    }
}

/// The process that a call names, from the upper halves of its first two arguments, which mean nothing unless
/// the caller's tag is there, too.
fn named(syscall: &Syscall, header: &Header) -> Option<(u32, u32)> {
    if header.caller == 0 || !syscall.names_process() {
        return None;
    }
    let [tag, pid, ..] = header.args.map(|arg| (arg >> 32) as u32);
    (pid != 0).then_some((pid, tag))
}

/// Which of the call's inputs were read late.
fn late(syscall: &Syscall, header: &Header) -> [bool; MAX_ARGS] {
    // As it is nearly always.
    if !header.captures.contains(&(Capture::Late as u8)) {
        return [false; MAX_ARGS];
    }
    let mut late = header.captures.map(|capture| capture == Capture::Late as u8);
    for (index, late) in late.iter_mut().enumerate() {
        *late &= syscall.arg(index).is_some_and(|arg| arg.access == Access::In);
    }
    late
}

/// Whom the call sent a signal to, as far as the record tells.
fn reach(
    syscall: &Syscall,
    number: Option<usize>,
    outcome: Return,
    header: &Header,
) -> Option<Reach> {
    // As it is nearly always.
    let more = header.more.checked_sub(1)?;
    if !syscall.is_in(Group::Send) {
        return None;
    }
    let Return::Value { ret, .. } = outcome else { return None };
    let is_for_one = number
        .and_then(|index| header.args.get(index))
        .is_none_or(|number| low(*number).cast_signed() > 0);
    // A call that names several fails with an error of one of them, and only if none was reached
    // (`kill_something_info`, `kernel/signal.c`).
    let refused = match i32::try_from(ret) {
        Ok(ret) if ret == -libc::EPERM => is_for_one.then_some(1),
        Ok(0) => is_for_one.then_some(0),
        _ => Some(0),
    };
    let reached = Some(more).filter(|more| *more != u16::MAX - 1);
    Some(Reach { reached: reached.map(u32::from), refused })
}

/// What the call did to its thread's mask, as far as the record tells.
fn mask_change(masks: Option<usize>, outcome: Return, record: &[u8]) -> Option<MaskChange> {
    let Return::Value { .. } = outcome else { return None };
    let at = masks?;
    let (before, after) = (bytes::u64(record, at)?, bytes::u64(record, at + 8)?);
    (after != UNKNOWN_MASK).then(|| MaskChange::new(before, after))
}

/// The values of the call's arguments.
fn values<'a>(
    syscall: &'static Syscall,
    abi: Abi,
    outcome: Return,
    header: &Header,
    record: &'a [u8],
) -> Result<[Value<'a>; MAX_ARGS], DecodeError> {
    let mut values = [Value::Null; MAX_ARGS];
    let mut offset = DATA_OFFSET;
    for (index, arg) in syscall.args.iter().enumerate() {
        let (Some(value), Some(&raw), Some(&capture)) =
            (values.get_mut(index), header.args.get(index), header.captures.get(index))
        else {
            break;
        };
        let register = if abi.has_64bit_registers() { raw } else { u64::from(low(raw)) };
        *value = match arg.access {
            Access::Value => scalar(arg.kind, register),
            Access::Returned => returned(arg.kind, outcome),
            Access::In | Access::Out | Access::Frame | Access::Kernel => {
                let capture = Capture::from_number(capture)
                    .ok_or(DecodeError::UnknownCapture { argument: index, capture })?;
                let bytes = record.get(offset..).unwrap_or_default();
                let layout = Layout::of(abi, bytes);
                let too_short = DecodeError::TooShort {
                    length: record.len(),
                    needed: offset + arg.kind.size(),
                };
                match (arg.access, arg.kind) {
                    (Access::Kernel, _) if capture != Capture::Whole => Value::Null,
                    (_, Kind::SignalfdSiginfo) if capture == Capture::Whole => {
                        let room = syscall.position(Kind::SignalSet);
                        let room = room.and_then(|index| header.args.get(index)).copied();
                        siginfos(syscall, outcome, register, room.unwrap_or(0), record)
                    }
                    (Access::In, Kind::Siginfo)
                        if !matches!(capture, Capture::None | Capture::Unreadable) =>
                    {
                        sent(syscall, header, capture, layout).ok_or(too_short)?
                    }
                    _ => pointer(arg, capture, register, layout).ok_or(too_short)?,
                }
            }
        };
        offset += arg.kind.size().next_multiple_of(8);
    }
    Ok(values)
}

/// An argument that is its own value.
fn scalar(kind: Kind, register: u64) -> Value<'static> {
    let int = low(register).cast_signed();
    let flags =
        |table: &'static FlagTable| Value::Flags(Flags { table, bits: u64::from(low(register)) });
    match kind {
        Kind::Pid | Kind::Tid | Kind::Fd | Kind::Pidfd | Kind::Int => Value::Int(int),
        Kind::Size => Value::Size(register),
        Kind::Signal => Value::Signal(int),
        Kind::How => Value::How(int),
        Kind::SignalfdFlags => flags(&SFD),
        Kind::PidfdSignalFlags => flags(&pidfd::SIGNAL),
        Kind::PidfdOpenFlags => flags(&pidfd::OPEN),
        Kind::OldMask => Value::Set(SignalSet::Old(low(register))),
        Kind::Handler => Value::Handler(Handler::new(register)),
        Kind::SignalSet
        | Kind::OldSignalSet
        | Kind::Sigaction
        | Kind::OldSigaction
        | Kind::Siginfo
        | Kind::Stack
        | Kind::Timespec
        | Kind::Timespec64
        | Kind::SignalfdSiginfo => address(register),
    }
}

/// What a call returned, as a value of this kind; nothing if that is an error, or was not seen.
fn returned(kind: Kind, outcome: Return) -> Value<'static> {
    match outcome {
        Return::Value { ret, .. } if errno::of(ret).is_none() => {
            scalar(kind, u64::from(low(ret.cast_unsigned())))
        }
        _ => Value::Null,
    }
}

/// The siginfo that a call sends. `None` if it is larger than what was captured.
fn sent(
    syscall: &Syscall,
    header: &Header,
    capture: Capture,
    layout: Layout<'_>,
) -> Option<Value<'static>> {
    let signal = header.args.get(syscall.position(Kind::Signal)?)?;
    let rest = match capture {
        Capture::Nonzero => Some(Rest::Nonzero),
        Capture::Cut => Some(Rest::Unreadable),
        _ => None,
    };
    let info = Siginfo::decode_sent(layout, low(*signal).cast_signed())?;
    Some(Value::Siginfo(Siginfo { rest, ..info }))
}

/// What was read from a signalfd, into a first buffer with so much `room`: it follows what every
/// record of the call has.
fn siginfos<'a>(
    syscall: &'static Syscall,
    outcome: Return,
    address: u64,
    room: u64,
    record: &'a [u8],
) -> Value<'a> {
    let read = match outcome {
        Return::Value { ret, .. } => u64::try_from(ret).unwrap_or(0),
        Return::Missed | Return::Unfinished => 0,
    };
    if address == 0 || read < SIGNALFD_SIGINFO_SIZE as u64 {
        return self::address(address);
    }
    let bytes = record.get(DATA_OFFSET + syscall.data_size()..).unwrap_or_default();
    // The record has places for more than were put there.
    let room = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
    let bytes = bytes.get(..room).unwrap_or_default();
    Value::SignalfdSiginfos(SignalfdSiginfos::new(bytes, read, address))
}

/// An argument that points to its value. `None` if the value is larger than what was captured.
fn pointer(
    arg: &Arg,
    capture: Capture,
    register: u64,
    layout: Layout<'_>,
) -> Option<Value<'static>> {
    Some(match capture {
        Capture::None | Capture::Kept => address(register),
        Capture::Unreadable => Value::Unreadable(register),
        _ => match arg.kind {
            Kind::SignalSet => Value::Set(SignalSet::Whole(layout.set(0, 0)?)),
            Kind::OldSignalSet => Value::Set(SignalSet::Old(layout.uint(0, 0)?)),
            Kind::Sigaction | Kind::OldSigaction => Value::Sigaction(action(arg.kind, layout)?),
            Kind::Siginfo => Value::Siginfo(Siginfo::decode(layout)?),
            Kind::Stack => Value::Stack(Stack::decode(layout)?),
            Kind::Timespec => Value::Timespec(Timespec::decode(layout)?),
            Kind::Timespec64 => Value::Timespec(Timespec::decode_64(layout.bytes)?),
            value => scalar(value, register),
        },
    })
}

/// An action, in one of its layouts.
fn action(kind: Kind, layout: Layout<'_>) -> Option<Sigaction> {
    if kind == Kind::OldSigaction {
        Sigaction::decode_old(layout.bytes)
    } else {
        Sigaction::decode(layout)
    }
}

/// A pointer to something that was not read.
fn address(register: u64) -> Value<'static> {
    if register == 0 { Value::Null } else { Value::Address(register) }
}

/// The half of a register that carries an `int`.
fn low(register: u64) -> u32 {
    (register & u64::from(u32::MAX)) as u32
}
