//! `siginfo_t`: its bytes, and how sigtrace has to show them.

use serde_json::{Map, Value, json};
use sigtrace_tests::names::{self, POLL, flags, hex};

use crate::pointer::{self, Ptr};

/// A siginfo.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    pub(crate) bytes: [u8; 128],
    code: Value,
    members: Map<String, Value>,
}

impl Info {
    /// With these numbers, and for `si_code` this name or number.
    pub(crate) fn new(signo: i32, code: i32, shown: Value) -> Self {
        let mut info = Self { bytes: [0; 128], code: shown, members: Map::new() };
        info.put(0, &signo.to_ne_bytes());
        info.put(8, &code.to_ne_bytes());
        info
    }

    pub(crate) fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn errno(mut self, errno: i32) -> Self {
        self.put(4, &errno.to_ne_bytes());
        self
    }

    fn member(mut self, name: &str, offset: usize, bytes: &[u8], shown: Value) -> Self {
        self.put(offset, bytes);
        self.members.insert(name.into(), shown);
        self
    }

    /// Fills all members with bytes that no arm below leaves as they are.
    pub(crate) fn garbage(mut self) -> Self {
        self.bytes[16..48].fill(0xa5);
        self
    }

    pub(crate) fn kill(self, pid: i32, uid: u32) -> Self {
        self.member("pid", 16, &pid.to_ne_bytes(), json!(pid)).member(
            "uid",
            20,
            &uid.to_ne_bytes(),
            json!(uid),
        )
    }

    pub(crate) fn rt(self, pid: i32, uid: u32, value: u64) -> Self {
        self.kill(pid, uid).value(value)
    }

    fn value(self, value: u64) -> Self {
        let low = (value & u64::from(u32::MAX)) as u32;
        self.member("int", 24, &low.to_ne_bytes(), json!(low.cast_signed())).member(
            "ptr",
            24,
            &value.to_ne_bytes(),
            json!(hex(value)),
        )
    }

    pub(crate) fn timer(self, timerid: i32, overrun: i32, value: u64) -> Self {
        self.member("timerid", 16, &timerid.to_ne_bytes(), json!(timerid))
            .member("overrun", 20, &overrun.to_ne_bytes(), json!(overrun))
            .value(value)
    }

    pub(crate) fn poll(self, band: u64, fd: i32) -> Self {
        self.member("band", 16, &band.to_ne_bytes(), flags(band, POLL)).member(
            "fd",
            24,
            &fd.to_ne_bytes(),
            json!(fd),
        )
    }

    pub(crate) fn fault(self, addr: u64) -> Self {
        self.member("addr", 16, &addr.to_ne_bytes(), json!(hex(addr)))
    }

    pub(crate) fn addr_lsb(self, addr_lsb: i16) -> Self {
        self.member("addr_lsb", 24, &addr_lsb.to_ne_bytes(), json!(addr_lsb))
    }

    pub(crate) fn bounds(self, lower: u64, upper: u64) -> Self {
        self.member("lower", 32, &lower.to_ne_bytes(), json!(hex(lower))).member(
            "upper",
            40,
            &upper.to_ne_bytes(),
            json!(hex(upper)),
        )
    }

    pub(crate) fn key(self, pkey: u32) -> Self {
        self.member("pkey", 32, &pkey.to_ne_bytes(), json!(pkey))
    }

    pub(crate) fn perf(self, data: u64, kind: u32, asynchronous: bool) -> Self {
        let names: &[&str] = if asynchronous { &["TRAP_PERF_FLAG_ASYNC"] } else { &[] };
        let bits = u32::from(asynchronous);
        self.member("perf_data", 24, &data.to_ne_bytes(), json!(hex(data)))
            .member("perf_type", 32, &kind.to_ne_bytes(), json!(kind))
            .member("perf_flags", 36, &bits.to_ne_bytes(), json!(names))
    }

    pub(crate) fn child(self, pid: i32, uid: u32, status: i32, times: (i64, i64)) -> Self {
        self.kill(pid, uid)
            .member("status", 24, &status.to_ne_bytes(), json!(status))
            .member("utime", 32, &times.0.to_ne_bytes(), json!(times.0))
            .member("stime", 40, &times.1.to_ne_bytes(), json!(times.1))
    }

    pub(crate) fn sys(self, call_addr: u64, syscall: i32, arch: (u32, &str)) -> Self {
        self.member("call_addr", 16, &call_addr.to_ne_bytes(), json!(hex(call_addr)))
            .member("syscall", 24, &syscall.to_ne_bytes(), json!(syscall))
            .member("arch", 28, &arch.0.to_ne_bytes(), json!(arch.1))
    }

    /// The signal it says it is about.
    pub(crate) fn signo(&self) -> i32 {
        int(&self.bytes, 0)
    }

    /// As the kernel delivers it: with the signal it was sent with, and nothing after its own part.
    pub(crate) fn delivered_as(&self, signo: i32) -> Self {
        let mut info = self.clone();
        info.put(0, &signo.to_ne_bytes());
        info.bytes[48..].fill(0);
        info
    }

    /// As sigtrace has to show it.
    pub(crate) fn shown(&self) -> Value {
        let int = |offset| int(&self.bytes, offset);
        let mut shown = Map::new();
        shown.insert("sig".into(), names::signal(int(0)));
        shown.insert("signo".into(), json!(int(0)));
        shown.insert("code".into(), self.code.clone());
        shown.insert("errno".into(), json!(int(4)));
        shown.extend(self.members.clone());
        Value::from(shown)
    }

    /// A pointer to it, for a call to read.
    pub(crate) fn given(&self) -> Ptr {
        pointer::to(Box::leak(Box::new(self.bytes)), self.shown())
    }

    /// A pointer to room that the call fills with it.
    pub(crate) fn gotten(&self) -> Ptr {
        pointer::to(Box::leak(Box::new([0x5a_u8; 128])), self.shown())
    }
}

/// A pointer to room for a siginfo, shown as `look` makes of what the call wrote.
pub(crate) fn filled(look: impl FnOnce(&[u8; 128]) -> Info + 'static) -> Ptr {
    let room: *mut [u8; 128] = Box::leak(Box::new([0x5a; 128]));
    // SAFETY: never freed; it is looked at after the call has written.
    pointer::to_output(room, move || look(unsafe { &*room }).shown())
}

/// The int at `offset`.
pub(crate) fn int(bytes: &[u8; 128], offset: usize) -> i32 {
    let mut int = [0; 4];
    int.copy_from_slice(&bytes[offset..offset + 4]);
    i32::from_ne_bytes(int)
}

/// The long at `offset`.
pub(crate) fn long(bytes: &[u8; 128], offset: usize) -> i64 {
    let mut long = [0; 8];
    long.copy_from_slice(&bytes[offset..offset + 8]);
    i64::from_ne_bytes(long)
}
