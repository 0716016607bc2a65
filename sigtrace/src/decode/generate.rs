//! A signal that is sent (`sigtrace_common::Generate`).

use std::mem::{offset_of, size_of};

use sigtrace_common::{
    self as common, Abi, Arg, KERNEL_SIGINFO_SIZE, Kind, NO_CALL, RecordKind, SYSCALLS, Syscall,
    fact,
};

use super::{
    CallKey, Cause, DecodeError, Handler, Members, Process, Siginfo, SignalKey, Thread, WallClock,
    bytes,
    bytes::Layout,
    cause::{self, Clues},
    header, thread,
};
use crate::names::{DefaultAction, default_action, signal};

/// What became of a signal as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentOutcome {
    /// It is pending, or has ended the process already.
    Delivered,
    /// It is ignored, and nothing comes of it.
    Ignored,
    /// The same signal is pending already, and this one is merged into it.
    AlreadyPending,
    /// There is no room for it (`RLIMIT_SIGPENDING`); the call fails.
    Overflow,
    /// It is pending, but there was no room for what comes with it.
    InfoLost,
}

impl SentOutcome {
    /// Every one, in the order of their numbers (`include/trace/events/signal.h`).
    pub const ALL: [Self; 5] =
        [Self::Delivered, Self::Ignored, Self::AlreadyPending, Self::Overflow, Self::InfoLost];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Ignored => "ignored",
            Self::AlreadyPending => "already_pending",
            Self::Overflow => "overflow",
            Self::InfoLost => "info_lost",
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// What was true of the target when the signal was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetState {
    /// The thread blocks the signal.
    pub blocked: bool,
    /// It waits for it in rt_sigtimedwait.
    pub awaited: bool,
    /// What the process does with it.
    pub handler: Handler,
    /// The process is the first of a pid namespace, and has no handler for the signal.
    pub namespace_init: bool,
    /// The process is stopped.
    pub stopped: bool,
    /// The thread is traced.
    pub traced: bool,
    /// The thread is one of the kernel's.
    pub kernel_thread: bool,
}

impl TargetState {
    /// Whether the process ignores the signal, as it asked to or as is done by default.
    pub fn ignores(&self, signal: i32) -> bool {
        match self.handler {
            Handler::Default => default_action(signal) == DefaultAction::Ignore,
            Handler::Ignore => true,
            Handler::Function(_) => false,
        }
    }
}

/// What is out of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// The id of the memory cgroup; `None` if it is the machine.
    pub cgroup: Option<u64>,
    /// How many pages that may use, if there is a limit.
    pub limit_pages: Option<u64>,
    /// Bytes of a page.
    pub page_size: u64,
}

/// A call that sends a signal, as far as its registers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentCall {
    /// Its row.
    pub row: usize,
    /// Its first arguments.
    pub args: [u64; 3],
}

impl SentCall {
    /// Its row of the table.
    pub fn syscall(&self) -> Option<&'static Syscall> {
        SYSCALLS.get(self.row)
    }

    /// The first arguments, each with the low half of its register, which is all that there is of an int.
    pub fn ints(&self) -> impl Iterator<Item = (&'static Arg, i32)> {
        let args = self.syscall().into_iter().flat_map(|syscall| syscall.args);
        args.zip(self.args.map(|arg| arg as u32).map(u32::cast_signed))
    }
}

/// A signal that is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Generate {
    /// The event's id. Decoding leaves it 0, and the number, too, as only who prints can count.
    pub id: u64,
    /// The number of the event.
    pub seq: u64,
    /// The id of the call that it is sent in, likewise; [`call_key`](Self::call_key) tells which that is.
    pub request: Option<u64>,
    /// Wall clock when it was sent, in nanoseconds since 1970 (UTC).
    pub time_ns: u64,
    /// The processor that it was sent on.
    pub cpu: u32,
    /// What tells the call that it is sent in from others, if that is traced.
    pub call_key: Option<CallKey>,
    /// What tells it from others that are sent.
    pub key: SignalKey,
    /// The id of the signal that it is merged into, likewise; [`merged_key`](Self::merged_key) tells which that
    /// is.
    pub merged_into: Option<u64>,
    /// What tells that from others; `None` if it is merged into none, or that is not known.
    pub merged_key: Option<SignalKey>,
    /// The real user id that it is charged to ([`uid_charged`]), in the initial user namespace.
    pub charged: u32,
    /// The call that it is sent in.
    pub call: Option<SentCall>,
    /// The signal.
    pub signal: i32,
    /// What comes with it; `None` if the kernel makes that when it is taken, and it is not known what it
    /// says in the namespaces of the target.
    pub info: Option<Siginfo>,
    /// Whether it is sent to the process, and not to a thread.
    pub to_process: bool,
    /// What became of it.
    pub outcome: SentOutcome,
    /// Whether it ends the process; `None` if that is not decided yet.
    pub fatal: Option<bool>,
    /// Why it is sent.
    pub cause: Cause,
    /// Whether that is certain.
    pub is_cause_certain: bool,
    /// What is out of memory, with [`Cause::Oom`].
    pub memory: Option<OutOfMemory>,
    /// Who sends it, or whose doing it is, where that is known.
    pub sender: Option<Thread>,
    /// Whether what comes with it names another sender.
    pub forged: bool,
    /// Whom it is sent to.
    pub target: Thread,
    /// What was true of that.
    pub target_state: TargetState,
}

impl Generate {
    /// The name of the call that it is sent in, if it is.
    pub fn call_name(&self) -> Option<&'static str> {
        Some(self.call?.syscall()?.name)
    }
}

impl OutOfMemory {
    /// How many bytes the cgroup may use, if there is a limit.
    pub fn limit_bytes(&self) -> Option<u64> {
        Some(self.limit_pages?.saturating_mul(self.page_size))
    }
}

/// The real user id that such a record is charged to: that of the thread that sends the signal, and if an interrupt
/// or a thread of the kernel does, that of whom it is sent to, as it is a timer or a terminal of theirs. 0 if the
/// bytes are none.
pub fn uid_charged(record: &[u8]) -> u32 {
    let facts = bytes::u32(record, offset_of!(common::Generate, facts)).unwrap_or(0);
    let thread = if facts & fact::OWN != 0 && facts & fact::KERNEL_THREAD == 0 {
        offset_of!(common::Generate, current)
    } else {
        offset_of!(common::Generate, target)
    };
    bytes::u32(record, thread + offset_of!(common::Thread, uid)).unwrap_or(0)
}

/// Decodes such a record.
///
/// # Errors
///
/// When the bytes are none.
pub fn generate(record: &[u8], clock: WallClock) -> Result<Generate, DecodeError> {
    let record = header::record_of(RecordKind::Generate, record)?;
    let needed = size_of::<common::Generate>();
    let raw =
        Raw::read(record, clock).ok_or(DecodeError::TooShort { length: record.len(), needed })?;
    if !(1..=signal::MAX).contains(&raw.signal) {
        return Err(DecodeError::UnknownSignal(raw.signal));
    }
    let Some(outcome) = SentOutcome::from_number(raw.outcome) else {
        return Err(DecodeError::UnknownOutcome(raw.outcome));
    };
    let call = match usize::from(raw.syscall) {
        _ if !raw.has(fact::CALL) => None,
        row if row < SYSCALLS.len() => Some(row),
        _ => return Err(DecodeError::UnknownSyscall(raw.syscall.into())),
    };
    let info = raw.info();
    let origin = cause::of(Clues {
        signal: raw.signal,
        code: info.map_or(0, |info| info.code),
        facts: raw.facts,
        is_in_call: raw.number != NO_CALL,
        target: raw.target.process.pid,
    });
    let info = if origin.cause == Cause::Child { raw.info_of_child() } else { info };
    let target_state = raw.target_state();
    Ok(Generate {
        id: 0,
        seq: 0,
        request: None,
        time_ns: clock.unix_ns(raw.time_ns),
        cpu: raw.cpu,
        call_key: (raw.request_ns != 0 && call.is_some())
            .then_some(CallKey { tid: raw.current.tid, entered_ns: raw.request_ns }),
        key: SignalKey { pid: raw.target.process.pid, sent_ns: raw.time_ns },
        merged_into: None,
        merged_key: (raw.merged_ns != 0)
            .then_some(SignalKey { pid: raw.target.process.pid, sent_ns: raw.merged_ns }),
        charged: uid_charged(record),
        call: call.map(|row| SentCall { row, args: raw.args }),
        signal: raw.signal,
        info,
        to_process: raw.has(fact::PROCESS),
        outcome,
        fatal: fatal(&raw, outcome, target_state),
        cause: origin.cause,
        is_cause_certain: origin.is_certain,
        memory: (origin.cause == Cause::Oom).then_some(raw.memory),
        sender: origin.is_currents.then_some(raw.current),
        forged: call.is_some_and(|row| is_forged(&raw, row, info)),
        target: raw.target,
        target_state,
    })
}

/// The record's members.
struct Raw {
    cpu: u32,
    time_ns: u64,
    request_ns: u64,
    merged_ns: u64,
    info: [u8; KERNEL_SIGINFO_SIZE],
    handler: u64,
    memory: OutOfMemory,
    args: [u64; 3],
    target: Thread,
    current: Thread,
    current_ns_pid: u32,
    facts: u32,
    number: u32,
    signal: i32,
    outcome: u8,
    syscall: u8,
}

impl Raw {
    fn read(record: &[u8], clock: WallClock) -> Option<Self> {
        record.get(..size_of::<common::Generate>())?;
        let word = |offset| bytes::u32(record, offset);
        let long = |offset| bytes::u64(record, offset);
        let byte = |offset| bytes::array::<1>(record, offset).map(|[byte]| byte);
        let memory = offset_of!(common::Generate, memory);
        let current = offset_of!(common::Generate, current);
        let args = offset_of!(common::Generate, args);
        let limit_pages = long(memory + 8)?;
        Some(Self {
            cpu: header::cpu(record)?,
            time_ns: long(offset_of!(common::Generate, time_ns))?,
            request_ns: long(offset_of!(common::Generate, request_ns))?,
            merged_ns: long(offset_of!(common::Generate, merged_ns))?,
            info: bytes::array(record, offset_of!(common::Generate, info))?,
            handler: long(offset_of!(common::Generate, handler))?,
            memory: OutOfMemory {
                cgroup: Some(long(memory)?).filter(|cgroup| *cgroup != 0),
                limit_pages: Some(limit_pages).filter(|pages| is_limit(*pages)),
                page_size: page_size(),
            },
            args: [long(args)?, long(args + 8)?, long(args + 16)?],
            target: thread::thread(record, offset_of!(common::Generate, target), clock)?,
            current: thread::thread(record, current, clock)?,
            current_ns_pid: word(current + offset_of!(common::Thread, ns_pid))?,
            facts: word(offset_of!(common::Generate, facts))?,
            number: word(offset_of!(common::Generate, number))?,
            signal: byte(offset_of!(common::Generate, signal))?.into(),
            outcome: byte(offset_of!(common::Generate, outcome))?,
            syscall: byte(offset_of!(common::Generate, syscall))?,
        })
    }

    fn has(&self, fact: u32) -> bool {
        self.facts & fact != 0
    }

    /// What comes with the signal. Where it has none, the kernel makes it as it is taken from the queue, or
    /// before (`__send_signal_locked`, `kernel/signal.c`).
    fn info(&self) -> Option<Siginfo> {
        let made = |code, pid: u32, uid| Siginfo {
            signo: self.signal,
            written_signo: None,
            rest: None,
            code,
            errno: 0,
            members: Members::Kill { pid: pid.cast_signed(), uid },
        };
        if self.has(fact::PRIV) {
            return Some(made(SI_KERNEL, 0, 0));
        }
        if self.has(fact::NOINFO) {
            let Process { pid, uid, .. } = self.current.process;
            return (!self.has(fact::IN_NAMESPACE)).then(|| made(SI_USER, pid, uid));
        }
        Siginfo::decode_sent(self.info_layout(), self.signal)
    }

    /// Likewise, if a child's state is what it tells.
    fn info_of_child(&self) -> Option<Siginfo> {
        Siginfo::decode_of_child(self.info_layout(), self.signal)
    }

    /// Its members are those of a siginfo of 64 bits on every architecture.
    fn info_layout(&self) -> Layout<'_> {
        Layout::of(Abi::X86_64, &self.info)
    }

    fn target_state(&self) -> TargetState {
        let handler = Handler::new(self.handler);
        TargetState {
            blocked: self.has(fact::BLOCKED),
            awaited: self.has(fact::AWAITED),
            handler,
            namespace_init: self.has(fact::UNKILLABLE) && handler == Handler::Default,
            stopped: self.has(fact::STOPPED),
            traced: self.has(fact::TRACED),
            kernel_thread: self.has(fact::TO_KERNEL_THREAD),
        }
    }
}

fn page_size() -> u64 {
    // SAFETY: plain call of the C library, which knows it.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// `SI_USER` and `SI_KERNEL`.
const SI_USER: i32 = 0;
const SI_KERNEL: i32 = 0x80;

/// A memory cgroup without a limit has the largest number of pages (`PAGE_COUNTER_MAX`,
/// `include/linux/page_counter.h`).
fn is_limit(pages: u64) -> bool {
    /// `LONG_MAX / PAGE_SIZE`, with the largest page there is.
    const LEAST_MAX: u64 = i64::MAX as u64 / 65_536;
    (1..LEAST_MAX).contains(&pages)
}

/// Whether it ends the process.
fn fatal(raw: &Raw, outcome: SentOutcome, state: TargetState) -> Option<bool> {
    if raw.has(fact::FATAL) {
        return Some(true);
    }
    match outcome {
        SentOutcome::Ignored | SentOutcome::AlreadyPending | SentOutcome::Overflow => Some(false),
        _ if !default_action(raw.signal).is_fatal() => Some(false),
        // Until it is let in, a handler may come and go: one who executes something has none any more.
        _ if state.blocked || state.awaited => None,
        _ if state.handler != Handler::Default => Some(false),
        // It may yet be taken from the queue.
        _ => None,
    }
}

/// Whether a siginfo that the caller made names another than itself: another process, or the kernel.
fn is_forged(raw: &Raw, row: usize, info: Option<Siginfo>) -> bool {
    let makes_it = SYSCALLS.get(row).is_some_and(|row| row.position(Kind::Siginfo).is_some());
    let Some(info) = info.filter(|_| makes_it) else { return false };
    let own = match raw.current_ns_pid {
        0 => raw.current.process.pid,
        pid => pid,
    };
    match info.members {
        Members::Kill { pid, .. } | Members::Rt { pid, .. } => {
            info.code == SI_KERNEL || u32::try_from(pid) != Ok(own)
        }
        _ => true,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use sigtrace_common::{find, tag::tag};

    use super::*;
    use crate::decode::Comm;

    /// A record of SIGTERM that a shell sends by kill to nginx, which catches it.
    pub(crate) fn terminate() -> common::Generate {
        common::Generate {
            header: common::Header {
                kind: RecordKind::Generate as u8,
                version: 2,
                length: size_of::<common::Generate>() as u16,
                cpu: 3,
                more: 0,
            },
            time_ns: 1_000_000_001,
            request_ns: 1_000_000_000,
            info: words(&[(0, 15), (16, 900), (20, 1000)]),
            handler: 0x55aa_0000_1000,
            memory: [0; 2],
            args: [812, 15, 0],
            target: common::Thread {
                start_ns: 400_000_001,
                comm: *b"nginx\0\0\0\0\0\0\0\0\0\0\0",
                pid: 812,
                tid: 812,
                ppid: 1,
                uid: 33,
                gid: 34,
                ns_pid: 0,
                execs: 7,
                reserved: 0,
                cgroup: 4321,
            },
            current: common::Thread {
                start_ns: 500_000_001,
                comm: *b"sh\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                pid: 900,
                tid: 901,
                ppid: 899,
                uid: 1000,
                gid: 1001,
                ns_pid: 0,
                execs: 7,
                reserved: 0,
                cgroup: 4321,
            },
            facts: fact::PROCESS | fact::CALL | fact::OWN | fact::OWN_INFO,
            number: 62,
            signal: 15,
            outcome: 0,
            abi: 0,
            syscall: u8::try_from(find("kill").unwrap().0).unwrap(),
            reserved: 0,
            merged_ns: 0,
        }
    }

    /// A siginfo with these numbers at these places.
    pub(crate) fn words(members: &[(usize, i32)]) -> [u64; 6] {
        let mut bytes = [0; KERNEL_SIGINFO_SIZE];
        for (at, number) in members {
            bytes[*at..at + 4].copy_from_slice(&number.to_ne_bytes());
        }
        std::array::from_fn(|word| bytes::u64(&bytes, word * 8).unwrap())
    }

    pub(crate) fn bytes_of(record: &common::Generate) -> [u8; size_of::<common::Generate>()] {
        // SAFETY: integers without padding.
        unsafe { std::mem::transmute(*record) }
    }

    const CLOCK: WallClock = WallClock { offset_ns: 5_000_000_000 };

    fn decoded(record: common::Generate) -> Generate {
        generate(&bytes_of(&record), CLOCK).unwrap()
    }

    fn thread(comm: &[u8; 16], start_ns: u64, ids: [u32; 5]) -> Thread {
        let [pid, tid, ppid, uid, gid] = ids;
        let process = Process { pid, start_ns, comm: Comm(*comm), ppid: Some(ppid), uid, gid };
        Thread { process, tid, tag: tag(start_ns - 5_000_000_000, 7), cgroup: Some(4321) }
    }

    fn kill(code: i32, pid: i32, uid: u32) -> Siginfo {
        let members = Members::Kill { pid, uid };
        Siginfo { signo: 15, written_signo: None, rest: None, code, errno: 0, members }
    }

    #[test]
    fn a_signal_that_a_call_sends_tells_whose_it_is_and_what_becomes_of_it() {
        let nginx = b"nginx\0\0\0\0\0\0\0\0\0\0\0";
        let expected = Generate {
            id: 0,
            seq: 0,
            request: None,
            time_ns: 6_000_000_001,
            cpu: 3,
            call_key: Some(CallKey { tid: 901, entered_ns: 1_000_000_000 }),
            key: SignalKey { pid: 812, sent_ns: 1_000_000_001 },
            merged_into: None,
            merged_key: None,
            charged: 1000,
            call: Some(SentCall { row: find("kill").unwrap().0, args: [812, 15, 0] }),
            signal: 15,
            info: Some(kill(0, 900, 1000)),
            to_process: true,
            outcome: SentOutcome::Delivered,
            fatal: Some(false),
            cause: Cause::Call,
            is_cause_certain: true,
            memory: None,
            sender: Some(thread(
                b"sh\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                5_500_000_001,
                [900, 901, 899, 1000, 1001],
            )),
            forged: false,
            target: thread(nginx, 5_400_000_001, [812, 812, 1, 33, 34]),
            target_state: TargetState {
                blocked: false,
                awaited: false,
                handler: Handler::Function(0x55aa_0000_1000),
                namespace_init: false,
                stopped: false,
                traced: false,
                kernel_thread: false,
            },
        };
        assert_eq!(decoded(terminate()), expected);
    }

    #[test]
    fn a_signal_without_a_siginfo_has_what_the_kernel_makes_where_that_is_known() {
        let info = |facts| decoded(common::Generate { facts, ..terminate() }).info;
        assert_eq!(info(fact::PRIV), Some(kill(0x80, 0, 0)));
        assert_eq!(info(fact::NOINFO), Some(kill(0, 900, 1000)));
        assert_eq!(info(fact::NOINFO | fact::IN_NAMESPACE), None);
    }

    #[test]
    fn only_what_the_kernel_has_decided_is_said_to_be_fatal() {
        let record = |handler, facts, signal, outcome| common::Generate {
            handler,
            facts: terminate().facts | facts,
            signal,
            outcome,
            ..terminate()
        };
        for (handler, facts, signal, outcome, expected) in [
            (0, fact::FATAL, 15, 0, Some(true)),
            (0, 0, 15, 0, None),
            (0, 0, 15, 4, None),
            (0, 0, 11, 0, None),
            (0, 0, 15, 1, Some(false)),
            (0, 0, 15, 2, Some(false)),
            (0, 0, 34, 3, Some(false)),
            (0, 0, 28, 0, Some(false)),
            (0, 0, 19, 0, Some(false)),
            (1, 0, 15, 0, Some(false)),
            (0x1000, 0, 15, 0, Some(false)),
            // A handler that is gone by the time that the signal is let in.
            (0x1000, fact::BLOCKED, 15, 0, None),
            (1, fact::AWAITED, 15, 0, None),
            (0x1000, fact::BLOCKED, 28, 0, Some(false)),
        ] {
            let fatal = decoded(record(handler, facts, signal, outcome)).fatal;
            assert_eq!(fatal, expected, "{handler} {facts:#x} {signal} {outcome}");
        }
    }

    #[test]
    fn what_interrupts_and_threads_of_the_kernel_send_is_charged_to_whom_it_is_sent_to() {
        for (facts, expected) in [(fact::OWN, 1000), (0, 33), (fact::OWN | fact::KERNEL_THREAD, 33)]
        {
            let record = bytes_of(&common::Generate { facts, ..terminate() });
            assert_eq!(uid_charged(&record), expected, "{facts:#x}");
            assert_eq!(generate(&record, CLOCK).unwrap().charged, expected);
        }
        assert_eq!(uid_charged(&[]), 0);
    }

    #[test]
    fn a_siginfo_that_names_another_than_its_maker_is_forged() {
        let row = u8::try_from(find("rt_sigqueueinfo").unwrap().0).unwrap();
        let forged = |members: &[(usize, i32)], syscall, ns_pid| {
            let current = common::Thread { ns_pid, ..terminate().current };
            let info = words(members);
            decoded(common::Generate { info, syscall, current, ..terminate() }).forged
        };
        let kill = terminate().syscall;
        for (members, syscall, ns_pid, expected) in [
            (&[(8, -1), (16, 900)][..], row, 0, false),
            (&[(8, -1), (16, 1)], row, 0, true),
            (&[(8, -1), (16, 7)], row, 7, false),
            (&[(8, -1), (16, 900)], row, 7, true),
            (&[(8, 0x80), (16, 900)], row, 0, true),
            // In the name of a timer.
            (&[(8, -2), (16, 900)], row, 0, true),
            // The kernel makes that of kill.
            (&[(16, 1)], kill, 0, false),
        ] {
            assert_eq!(forged(members, syscall, ns_pid), expected, "{members:?} {ns_pid}");
        }
    }

    #[test]
    fn who_sends_it_is_told_only_where_that_is_so() {
        let sender = |facts| {
            let record = common::Generate { facts, ..terminate() };
            decoded(record).sender.map(|sender| sender.tid)
        };
        assert_eq!(sender(terminate().facts), Some(901));
        assert_eq!(sender(fact::PRIV | fact::PROCESS), None);
    }

    #[test]
    fn what_is_out_of_memory_is_a_cgroup_with_its_limit_or_the_machine() {
        let facts = fact::PRIV | fact::PROCESS | fact::OUT_OF_MEMORY;
        let memory =
            |memory| decoded(common::Generate { facts, signal: 9, memory, ..terminate() }).memory;
        let of =
            |cgroup, limit_pages| Some(OutOfMemory { cgroup, limit_pages, page_size: page_size() });
        assert_eq!(memory([4321, 5120]), of(Some(4321), Some(5120)));
        assert_eq!(memory([0, 0]), of(None, None));
        assert_eq!(memory([4321, i64::MAX as u64 / 4096]), of(Some(4321), None));
    }

    #[test]
    fn a_signal_that_is_merged_tells_into_which() {
        let merged = common::Generate { outcome: 2, merged_ns: 900_000_000, ..terminate() };
        let key = SignalKey { pid: 812, sent_ns: 900_000_000 };
        assert_eq!(decoded(merged).merged_key, Some(key));
    }

    #[test]
    fn bytes_that_are_no_such_record_are_refused() {
        let error = |record: common::Generate| generate(&bytes_of(&record), CLOCK).unwrap_err();
        for signal in [0, 65, 255] {
            let expected = DecodeError::UnknownSignal(signal.into());
            assert_eq!(error(common::Generate { signal, ..terminate() }), expected);
        }
        let outcome = common::Generate { outcome: 5, ..terminate() };
        assert_eq!(error(outcome), DecodeError::UnknownOutcome(5));
        let syscall = common::Generate { syscall: 99, ..terminate() };
        assert_eq!(error(syscall), DecodeError::UnknownSyscall(99));
        let mut short = terminate();
        short.header.length = 200;
        assert_eq!(error(short), DecodeError::TooShort { length: 200, needed: 272 });
        let mut other = terminate();
        (other.header.kind, other.header.version) = (1, 1);
        assert_eq!(error(other), DecodeError::OtherKind(1));
    }
}
