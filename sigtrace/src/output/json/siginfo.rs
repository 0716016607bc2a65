//! Where a signal comes from.

use super::{
    call::{NameOr, write_signal},
    writer::{Object, ToJson},
};
use crate::{
    decode::{Fault, Members, Siginfo, Sigval},
    names::{audit_arch, si_code},
    output::hex::Hex,
};

impl ToJson for Siginfo {
    fn write(&self, out: &mut Vec<u8>) {
        let mut info = Object::new(out);
        write_signal(&mut info, "sig", self.signo);
        info.field("code", NameOr(si_code::name(self.signo, self.code), self.code));
        info.field("errno", self.errno);
        members(&mut info, &self.members);
        info.end();
    }
}

fn members(info: &mut Object<'_>, members: &Members) {
    match *members {
        Members::Kill { pid, uid } => {
            info.field("pid", pid);
            info.field("uid", uid);
        }
        Members::Timer { timerid, overrun, value } => {
            info.field("timerid", timerid);
            info.field("overrun", overrun);
            sigval(info, value);
        }
        Members::Poll { band, fd } => {
            info.field("band", band);
            info.field("fd", fd);
        }
        Members::Fault { addr, detail } => {
            info.field("addr", Hex::new(addr));
            fault(info, detail);
        }
        Members::Child { pid, uid, status, utime, stime } => {
            info.field("pid", pid);
            info.field("uid", uid);
            info.field("status", status);
            info.field("utime", utime);
            info.field("stime", stime);
        }
        Members::Rt { pid, uid, value } => {
            info.field("pid", pid);
            info.field("uid", uid);
            sigval(info, value);
        }
        Members::Sys { call_addr, syscall, arch } => {
            info.field("call_addr", Hex::new(call_addr));
            info.field("syscall", syscall);
            let number = Hex::new(u64::from(arch));
            info.field("arch", NameOr(audit_arch::name(arch), number));
        }
    }
}

fn fault(info: &mut Object<'_>, detail: Fault) {
    match detail {
        Fault::Plain => {}
        Fault::Memory { addr_lsb } => info.field("addr_lsb", addr_lsb),
        Fault::Bounds { lower, upper } => {
            info.field("lower", Hex::new(lower));
            info.field("upper", Hex::new(upper));
        }
        Fault::Key { pkey } => info.field("pkey", pkey),
        Fault::Perf { data, kind, flags } => {
            info.field("perf_data", Hex::new(data));
            info.field("perf_type", kind);
            info.field("perf_flags", flags);
        }
    }
}

/// The sender used one of the two; which is between it and the receiver.
fn sigval(info: &mut Object<'_>, value: Sigval) {
    info.field("int", value.int);
    info.field("ptr", Hex::new(value.ptr));
}
