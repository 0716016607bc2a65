//! Where a signal comes from.

use super::{
    call::{NameOr, write_signal},
    writer::{Object, ToJson, key},
};
use crate::{
    decode::{Fault, Members, Siginfo, Sigval},
    names::{audit_arch, syscall},
    output::hex::Hex,
};

impl ToJson for Siginfo {
    fn write(&self, out: &mut Vec<u8>) {
        begin(self, out).end();
    }
}

/// One that was taken, with the id of the signal as it was sent.
pub(super) fn write_taken(info: &Siginfo, id: Option<u64>, out: &mut Vec<u8>) {
    let mut object = begin(info, out);
    object.field(key!("generate"), id);
    object.end();
}

/// All of it, without its end.
fn begin<'a>(info: &Siginfo, out: &'a mut Vec<u8>) -> Object<'a> {
    let mut object = Object::new(out);
    write_signal(&mut object, "sig", info.signo);
    if let Some(written) = info.written_signo {
        object.field(key!("written_signo"), written);
    }
    if let Some(rest) = info.rest {
        object.field(key!("rest"), rest.name());
    }
    object.field(key!("code"), NameOr(info.code_name(), info.code));
    object.field(key!("errno"), info.errno);
    members(&mut object, &info.members);
    object
}

fn members(info: &mut Object<'_>, members: &Members) {
    match *members {
        Members::Kill { pid, uid } => {
            info.field(key!("pid"), pid);
            info.field(key!("uid"), uid);
        }
        Members::Timer { timerid, overrun, value } => {
            info.field(key!("timerid"), timerid);
            info.field(key!("overrun"), overrun);
            sigval(info, value);
        }
        Members::Poll { band, fd } => {
            info.field(key!("band"), band);
            info.field(key!("fd"), fd);
        }
        Members::Fault { addr, detail } => {
            info.field(key!("addr"), Hex::new(addr));
            fault(info, detail);
        }
        Members::Child { pid, uid, status, utime, stime } => {
            info.field(key!("pid"), pid);
            info.field(key!("uid"), uid);
            info.field(key!("status"), status);
            info.field(key!("utime"), utime);
            info.field(key!("stime"), stime);
        }
        Members::Rt { pid, uid, value } => {
            info.field(key!("pid"), pid);
            info.field(key!("uid"), uid);
            sigval(info, value);
        }
        Members::Sys { call_addr, syscall: refused, arch } => {
            info.field(key!("call_addr"), Hex::new(call_addr));
            info.field(key!("syscall"), refused);
            let number = Hex::new(u64::from(arch));
            info.field(key!("arch"), NameOr(audit_arch::name(arch), number));
            info.field(key!("syscall_name"), syscall::name(arch, refused));
        }
    }
}

fn fault(info: &mut Object<'_>, detail: Fault) {
    match detail {
        Fault::Plain => {}
        Fault::Memory { addr_lsb } => info.field(key!("addr_lsb"), addr_lsb),
        Fault::Bounds { lower, upper } => {
            info.field(key!("lower"), Hex::new(lower));
            info.field(key!("upper"), Hex::new(upper));
        }
        Fault::Key { pkey } => info.field(key!("pkey"), pkey),
        Fault::Perf { data, kind, flags } => {
            info.field(key!("perf_data"), Hex::new(data));
            info.field(key!("perf_type"), kind);
            info.field(key!("perf_flags"), flags);
        }
    }
}

/// The sender used one of the two; which is between it and the receiver.
fn sigval(info: &mut Object<'_>, value: Sigval) {
    info.field(key!("int"), value.int);
    info.field(key!("ptr"), Hex::new(value.ptr));
}
