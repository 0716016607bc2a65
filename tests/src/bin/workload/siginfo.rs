//! `siginfo_t`: its bytes, and how sigtrace has to show them.

use serde_json::{Map, Value, json};
use sigtrace_tests::integer;
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::names::{self, POLL, flags, hex};

use crate::abi::{is_narrow, is_x32, long, longs, word};
use crate::memory::keep;
use crate::pointer::{self, Ptr};

/// A siginfo, with its members in the order sigtrace shows them.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    /// The signal that it is sent or comes with.
    signo: i32,
    /// The number that its sender writes.
    written: i32,
    errno: i32,
    code: (i32, Value),
    members: Vec<Member>,
    garbage: bool,
    /// A byte after the members.
    tail: u8,
    /// What is to be said of what follows the part that the kernel keeps.
    rest: Option<&'static str>,
}

/// A member of its union.
#[derive(Clone, Debug)]
struct Member {
    name: &'static str,
    place: Place,
    number: u64,
    kind: Kind,
}

/// Where a member is for a 64-bit caller and for a 32-bit one.
#[derive(Clone, Copy, Debug)]
struct Place(usize, usize);

/// What a member is.
#[derive(Clone, Debug)]
enum Kind {
    Short,
    Int,
    Unsigned,
    /// A time, and where it is for an x32 caller, in 64 bits.
    Time(usize),
    Pointer,
    Band,
    /// An unsigned int to be shown like this unless it is 0.
    Named(Value, Value),
}

const FIRST: Place = Place(16, 12);
const SECOND: Place = Place(20, 16);
const THIRD: Place = Place(24, 20);
/// After an address or a long.
const NEXT: Place = Place(24, 16);
const FOURTH: Place = Place(32, 20);
const FIFTH: Place = Place(40, 24);

impl Member {
    /// Its bytes for whom calls are made.
    fn bytes(&self) -> Vec<u8> {
        let size = match self.kind {
            Kind::Short => 2,
            Kind::Int | Kind::Unsigned | Kind::Named(..) => 4,
            Kind::Time(_) if is_x32() => 8,
            Kind::Time(_) | Kind::Pointer | Kind::Band => longs(&[0]).len(),
        };
        self.number.to_le_bytes()[..size].to_vec()
    }

    /// Where it is for whom calls are made.
    fn at(&self) -> usize {
        match self.kind {
            Kind::Time(x32) if is_x32() => x32,
            _ if is_narrow() => self.place.1,
            _ => self.place.0,
        }
    }

    fn shown(&self) -> Value {
        let number = self.number.cast_signed();
        match &self.kind {
            Kind::Short => json!(number as i16),
            Kind::Int => json!(number as i32),
            Kind::Unsigned => json!(number as u32),
            Kind::Time(_) if is_x32() => integer::shown(number),
            Kind::Time(_) => integer::shown(long(number)),
            Kind::Pointer => json!(hex(word(self.number))),
            Kind::Band => flags(word(self.number), POLL),
            Kind::Named(_, zero) if number == 0 => zero.clone(),
            Kind::Named(name, _) => name.clone(),
        }
    }
}

impl Info {
    /// With these numbers, and for `si_code` this name or number.
    pub(crate) fn new(signo: i32, code: i32, shown: Value) -> Self {
        let (members, garbage) = (Vec::new(), false);
        Self {
            signo,
            written: signo,
            errno: 0,
            code: (code, shown),
            members,
            garbage,
            tail: 0,
            rest: None,
        }
    }

    /// With this number written in it, whatever signal it is sent with.
    pub(crate) fn written(self, written: i32) -> Self {
        Self { written, ..self }
    }

    /// As it is when it is sent with this signal. The members have to be those of this one.
    pub(crate) fn sent_as(&self, signo: i32) -> Self {
        Self { signo, ..self.clone() }
    }

    /// With another name or number for its code.
    pub(crate) fn with_code_shown(self, shown: Value) -> Self {
        Self { code: (self.code.0, shown), ..self }
    }

    pub(crate) fn errno(self, errno: i32) -> Self {
        Self { errno, ..self }
    }

    /// With something in its last byte.
    pub(crate) fn with_tail(self) -> Self {
        Self { tail: 1, ..self }
    }

    /// The kernel refuses it for what follows the part that it keeps.
    pub(crate) fn refused_for_rest(self, rest: &'static str) -> Self {
        Self { rest: Some(rest), ..self }
    }

    fn member(mut self, name: &'static str, place: Place, kind: Kind, number: i64) -> Self {
        self.members.push(Member { name, place, number: number.cast_unsigned(), kind });
        self
    }

    fn pointer(self, name: &'static str, place: Place, address: u64) -> Self {
        self.member(name, place, Kind::Pointer, address.cast_signed())
    }

    /// With bytes that are not zero where its arm has no member.
    pub(crate) fn garbage(self) -> Self {
        Self { garbage: true, ..self }
    }

    pub(crate) fn kill(self, pid: i32, uid: u32) -> Self {
        self.member("pid", FIRST, Kind::Int, pid.into()).member(
            "uid",
            SECOND,
            Kind::Unsigned,
            uid.into(),
        )
    }

    pub(crate) fn rt(self, pid: i32, uid: u32, value: u64) -> Self {
        self.kill(pid, uid).value(value)
    }

    fn value(self, value: u64) -> Self {
        self.member("int", THIRD, Kind::Int, value.cast_signed()).pointer("ptr", THIRD, value)
    }

    pub(crate) fn timer(self, timerid: i32, overrun: i32, value: u64) -> Self {
        self.member("timerid", FIRST, Kind::Int, timerid.into())
            .member("overrun", SECOND, Kind::Int, overrun.into())
            .value(value)
    }

    pub(crate) fn poll(self, band: u64, fd: i32) -> Self {
        self.member("band", FIRST, Kind::Band, band.cast_signed()).member(
            "fd",
            NEXT,
            Kind::Int,
            fd.into(),
        )
    }

    pub(crate) fn fault(self, addr: u64) -> Self {
        self.pointer("addr", FIRST, addr)
    }

    pub(crate) fn addr_lsb(self, addr_lsb: i16) -> Self {
        self.member("addr_lsb", NEXT, Kind::Short, addr_lsb.into())
    }

    pub(crate) fn bounds(self, lower: u64, upper: u64) -> Self {
        self.pointer("lower", FOURTH, lower).pointer("upper", FIFTH, upper)
    }

    pub(crate) fn key(self, pkey: u32) -> Self {
        self.member("pkey", FOURTH, Kind::Unsigned, pkey.into())
    }

    pub(crate) fn perf(self, data: u64, kind: u32, asynchronous: bool) -> Self {
        let flags = Kind::Named(json!(["TRAP_PERF_FLAG_ASYNC"]), json!([]));
        self.pointer("perf_data", NEXT, data)
            .member("perf_type", FOURTH, Kind::Unsigned, kind.into())
            .member("perf_flags", Place(36, 24), flags, asynchronous.into())
    }

    pub(crate) fn child(self, pid: i32, uid: u32, status: i32, times: (i64, i64)) -> Self {
        self.kill(pid, uid)
            .member("status", THIRD, Kind::Int, status.into())
            .member("utime", Place(32, 24), Kind::Time(24), times.0)
            .member("stime", Place(40, 28), Kind::Time(32), times.1)
    }

    pub(crate) fn sys(self, call_addr: u64, syscall: (i32, &str), arch: (u32, &str)) -> Self {
        // The name of the call is that which its number has there.
        let place = Place(28, 20);
        self.pointer("call_addr", FIRST, call_addr)
            .member("syscall", NEXT, Kind::Int, syscall.0.into())
            .member("arch", place, Kind::Named(json!(arch.1), json!("0x0")), arch.0.into())
            .member(
                "syscall_name",
                place,
                Kind::Named(json!(syscall.1), Value::Null),
                arch.0.into(),
            )
    }

    /// The signal that it is sent or comes with.
    pub(crate) fn signo(&self) -> i32 {
        self.signo
    }

    /// `si_code`.
    pub(crate) fn code(&self) -> i32 {
        self.code.0
    }

    /// As the kernel delivers it: with the signal that it was sent with.
    pub(crate) fn delivered(&self) -> Self {
        let signo = self.signo;
        let mut info = self.clone().written(signo);
        // A 32-bit one is copied by the member, those of an arm the kernel knows for the code.
        if is_narrow() && !Kernel::running().knows_code(signo, self.code()) {
            let unknown = info.members.iter_mut().filter(|member| member.place.1 >= 20);
            unknown.for_each(|member| member.number = 0);
        }
        info
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> [u8; 128] {
        let mut bytes = [0; 128];
        let mut put = |offset: usize, part: &[u8]| {
            bytes[offset..offset + part.len()].copy_from_slice(part);
        };
        if self.garbage {
            let start = if is_narrow() { FIRST.1 } else { FIRST.0 };
            put(start, &[0xa5; 32]);
        }
        put(0, &self.written.to_ne_bytes());
        put(4, &self.errno.to_ne_bytes());
        put(8, &self.code.0.to_ne_bytes());
        for member in &self.members {
            put(member.at(), &member.bytes());
        }
        put(127, &[self.tail]);
        bytes
    }

    /// As sigtrace has to show it.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("sig".into(), names::signal(self.signo));
        shown.insert("signo".into(), json!(self.signo));
        if self.written != self.signo {
            shown.insert("written_signo".into(), json!(self.written));
        }
        if let Some(rest) = self.rest {
            shown.insert("rest".into(), rest.into());
        }
        shown.insert("code".into(), self.code.1.clone());
        shown.insert("errno".into(), json!(self.errno));
        shown.extend(self.members.iter().map(|member| (member.name.into(), member.shown())));
        Value::from(shown)
    }

    /// A pointer to it, for a call to read.
    pub(crate) fn given(&self) -> Ptr {
        pointer::to(keep(self.bytes()), self.shown())
    }

    /// A pointer to room that the call fills with it.
    pub(crate) fn gotten(&self) -> Ptr {
        pointer::to(keep([0x5a_u8; 128]), self.shown())
    }
}

/// A pointer to room for what tells of a child, shown as `look` makes of the times in it.
pub(crate) fn filled(look: impl FnOnce((i64, i64)) -> Info + 'static) -> Ptr {
    let room: *mut [u8; 128] = keep([0x5a; 128]);
    pointer::to_output(room, move || {
        // SAFETY: never freed; it is looked at after the call has written.
        let bytes = unsafe { &*room };
        let times = if is_x32() {
            (long_at(bytes, 24), long_at(bytes, 32))
        } else if is_narrow() {
            (int(bytes, 24).into(), int(bytes, 28).into())
        } else {
            (long_at(bytes, 32), long_at(bytes, 40))
        };
        look(times).shown()
    })
}

/// The int at `offset`.
fn int(bytes: &[u8; 128], offset: usize) -> i32 {
    let mut int = [0; 4];
    int.copy_from_slice(&bytes[offset..offset + 4]);
    i32::from_ne_bytes(int)
}

/// The long at `offset`.
fn long_at(bytes: &[u8; 128], offset: usize) -> i64 {
    let mut long = [0; 8];
    long.copy_from_slice(&bytes[offset..offset + 8]);
    i64::from_ne_bytes(long)
}
