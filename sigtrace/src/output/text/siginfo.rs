//! Where a signal comes from.

use std::io::{self, Write};

use super::value::{flags, name_or, pointer};
use crate::{
    decode::{Fault, Members, Siginfo, Sigval},
    names::{audit_arch, signal, syscall},
    output::hex::Hex,
};

/// `CLD_EXITED`: the one code with which a child's status is no signal.
const CLD_EXITED: i32 = 1;

/// `SI_TKILL`: sent by tkill or tgkill, which have no value to send.
const SI_TKILL: i32 = -6;

pub(super) fn write(info: &Siginfo, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend(b"{si_signo=");
    name_or(signal::name(info.signo), info.signo, out)?;
    if let Some(written) = info.written_signo {
        out.extend(b", written_signo=");
        name_or(signal::name(written), written, out)?;
    }
    out.extend(b", si_code=");
    name_or(info.code_name(), Hex::int(info.code), out)?;
    if info.errno != 0 {
        write!(out, ", si_errno={}", info.errno)?;
    }
    members(info, out)?;
    if let Some(rest) = info.rest {
        write!(out, ", <rest {}>", rest.name())?;
    }
    out.push(b'}');
    Ok(())
}

fn members(info: &Siginfo, out: &mut Vec<u8>) -> io::Result<()> {
    match info.members {
        Members::Kill { pid, uid } => write!(out, ", si_pid={pid}, si_uid={uid}"),
        Members::Timer { timerid, overrun, value } => {
            write!(out, ", si_timerid={timerid}, si_overrun={overrun}")?;
            sigval(value, out)
        }
        Members::Poll { band, fd } => {
            out.extend(b", si_band=");
            flags(band, out)?;
            write!(out, ", si_fd={fd}")
        }
        Members::Fault { addr, detail } => {
            out.extend(b", si_addr=");
            pointer(addr, out)?;
            fault(detail, out)
        }
        Members::Child { pid, uid, status, utime, stime } => {
            write!(out, ", si_pid={pid}, si_uid={uid}, si_status=")?;
            let signal = signal::name(status).filter(|_| info.code != CLD_EXITED);
            name_or(signal, status, out)?;
            write!(out, ", si_utime={utime}, si_stime={stime}")
        }
        Members::Rt { pid, uid, value } => {
            write!(out, ", si_pid={pid}, si_uid={uid}")?;
            if info.code == SI_TKILL && value == Sigval::default() {
                return Ok(());
            }
            sigval(value, out)
        }
        Members::Sys { call_addr, syscall: refused, arch } => {
            write!(out, ", si_call_addr={}, si_syscall=", Hex::new(call_addr))?;
            if syscall::name(arch, refused).is_some() {
                out.extend(b"__NR_");
            }
            name_or(syscall::name(arch, refused), refused, out)?;
            out.extend(b", si_arch=");
            name_or(audit_arch::name(arch), Hex::new(u64::from(arch)), out)
        }
    }
}

fn fault(detail: Fault, out: &mut Vec<u8>) -> io::Result<()> {
    match detail {
        Fault::Plain => Ok(()),
        Fault::Memory { addr_lsb } => write!(out, ", si_addr_lsb={addr_lsb}"),
        Fault::Bounds { lower, upper } => {
            write!(out, ", si_lower={}, si_upper={}", Hex::new(lower), Hex::new(upper))
        }
        Fault::Key { pkey } => write!(out, ", si_pkey={pkey}"),
        Fault::Perf { data, kind, flags: word } => {
            let data = Hex::new(data);
            write!(out, ", si_perf_data={data}, si_perf_type={kind}, si_perf_flags=")?;
            flags(word, out)
        }
    }
}

fn sigval(value: Sigval, out: &mut Vec<u8>) -> io::Result<()> {
    write!(out, ", si_int={}, si_ptr=", value.int)?;
    pointer(value.ptr, out)
}
