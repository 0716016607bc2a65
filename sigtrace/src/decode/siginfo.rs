//! `siginfo_t` (`include/uapi/asm-generic/siginfo.h`; for 32-bit callers `struct compat_siginfo`,
//! `include/linux/compat.h`, with times of 64 bits for x32 callers): a header, then a union.
//!
//! Which arm of the union holds is decided as the kernel does (`siginfo_layout`,
//! `kernel/signal.c`), with the codes that Linux 6.12 and later know.

use sigtrace_common::{Abi, Kind};

use super::{Flags, bytes::Layout};
use crate::names::{perf_flags::TRAP_PERF, poll::POLL, si_code};

/// Where a signal comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Siginfo {
    /// `si_signo`. In a send it is the call's signal, which the kernel delivers whatever is written here.
    pub signo: i32,
    /// In a send, the `si_signo` that is written, if that is another number.
    pub written_signo: Option<i32>,
    /// In a send that failed for it, what follows the part that the kernel keeps.
    pub rest: Option<Rest>,
    /// `si_code`: how it came about.
    pub code: i32,
    /// `si_errno`: mostly 0; for SIGSYS what the seccomp filter returned with its verdict.
    pub errno: i32,
    /// The members that the code and the signal select.
    pub members: Members,
}

/// What is behind the 48 bytes that the kernel keeps of a siginfo: of most it does not look at the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// More than zeros, with a code that the kernel does not know.
    Nonzero,
    /// Memory that cannot be read.
    Unreadable,
}

impl Rest {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Nonzero, Self::Unreadable];

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nonzero => "nonzero",
            Self::Unreadable => "unreadable",
        }
    }
}

/// An arm of the union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// Sent by a process, or by the kernel without further details.
    Kill {
        /// `si_pid`: sender's process id, in the receiver's pid namespace.
        pid: i32,
        /// `si_uid`: sender's real user id.
        uid: u32,
    },
    /// A POSIX timer ran out.
    Timer {
        /// `si_timerid`: which timer.
        timerid: i32,
        /// `si_overrun`: how often it ran out since.
        overrun: i32,
        /// `si_value`: what timer_create was given.
        value: Sigval,
    },
    /// Something happened to a descriptor.
    Poll {
        /// `si_band`: what, as poll would tell.
        band: Flags,
        /// `si_fd`: to which descriptor.
        fd: i32,
    },
    /// The processor could not execute an instruction.
    Fault {
        /// `si_addr`: the instruction, or the memory it was after.
        addr: u64,
        /// What else is known, by the code.
        detail: Fault,
    },
    /// A child changed its state.
    Child {
        /// `si_pid`: the child's process id.
        pid: i32,
        /// `si_uid`: the child's real user id.
        uid: u32,
        /// `si_status`: its exit status with `CLD_EXITED`, else the number of a signal.
        status: i32,
        /// `si_utime`: processor time it spent in user space, in clock ticks (100 a second).
        utime: i64,
        /// `si_stime`: processor time it spent in the kernel, in clock ticks (100 a second).
        stime: i64,
    },
    /// Sent with a value. All of it is what the sender wrote.
    Rt {
        /// `si_pid`.
        pid: i32,
        /// `si_uid`.
        uid: u32,
        /// `si_value`.
        value: Sigval,
    },
    /// A system call was refused.
    Sys {
        /// `si_call_addr`: where it was called.
        call_addr: u64,
        /// `si_syscall`: its number.
        syscall: i32,
        /// `si_arch`: the interface it was made through, an `AUDIT_ARCH_*`.
        arch: u32,
    },
}

/// What only some faults tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Plain,
    /// Memory failed in hardware (`BUS_MCEERR_AR`, `BUS_MCEERR_AO`).
    Memory {
        /// `si_addr_lsb`: the lowest bit of the address that counts.
        addr_lsb: i16,
    },
    /// An address was out of bounds (`SEGV_BNDERR`).
    Bounds {
        /// `si_lower`: the lowest address within.
        lower: u64,
        /// `si_upper`: the highest address within.
        upper: u64,
    },
    /// A protection key forbade the access (`SEGV_PKUERR`).
    Key {
        /// `si_pkey`: which.
        pkey: u32,
    },
    /// A perf event was told to send a signal (`TRAP_PERF`).
    Perf {
        /// `si_perf_data`: what `perf_event_attr.sig_data` was.
        data: u64,
        /// `si_perf_type`: what `perf_event_attr.type` was.
        kind: u32,
        /// `si_perf_flags`.
        flags: Flags,
    },
}

/// `union sigval`: one word that its sender uses as an int or as a pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sigval {
    /// `sival_int`.
    pub int: i32,
    /// `sival_ptr`.
    pub ptr: u64,
}

/// `SI_TIMER`, `SI_MESGQ`, `SI_ASYNCIO` and `SI_SIGIO`.
pub(super) const SI_TIMER: i32 = -2;
pub(super) const SI_MESGQ: i32 = -3;
pub(super) const SI_ASYNCIO: i32 = -4;
const SI_SIGIO: i32 = -5;

/// The last of the codes `POLL_*` (`NSIGPOLL`).
const POLL_HUP: i32 = 6;

const SIGTRAP: i32 = 5;
const SIGBUS: i32 = 7;
const SIGSEGV: i32 = 11;
const SIGCHLD: i32 = 17;
const SIGPOLL: i32 = 29;
const SIGSYS: i32 = 31;

/// The arms of the union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arm {
    Kill,
    Timer,
    Poll,
    Fault,
    Child,
    Rt,
    Sys,
}

/// Which arm holds.
pub(super) fn arm(signo: i32, code: i32) -> Arm {
    match code {
        1..128 if si_code::is_own(signo, code) => match signo {
            SIGCHLD => Arm::Child,
            SIGPOLL => Arm::Poll,
            SIGSYS => Arm::Sys,
            _ => Arm::Fault,
        },
        1..=POLL_HUP | SI_SIGIO => Arm::Poll,
        SI_TIMER => Arm::Timer,
        ..=-1 => Arm::Rt,
        _ => Arm::Kill,
    }
}

impl Siginfo {
    /// One of this signal and code, with zeros for the rest.
    pub fn of(signo: i32, code: i32) -> Option<Self> {
        let mut bytes = [0; Kind::Siginfo.size()];
        bytes.get_mut(0..4)?.copy_from_slice(&signo.to_ne_bytes());
        bytes.get_mut(8..12)?.copy_from_slice(&code.to_ne_bytes());
        Self::decode(Layout::of(Abi::X86_64, &bytes))
    }

    /// One that the kernel has written.
    pub(super) fn decode(layout: Layout<'_>) -> Option<Self> {
        Self::decode_sent(layout, layout.int(0, 0)?)
    }

    /// One that a call sends with this signal: the kernel puts it in the place of what is written, and goes by
    /// it (`__copy_siginfo_from_user`, `kernel/signal.c`).
    pub(super) fn decode_sent(layout: Layout<'_>, signo: i32) -> Option<Self> {
        let (written, errno, code) = (layout.int(0, 0)?, layout.int(4, 4)?, layout.int(8, 8)?);
        let members = match arm(signo, code) {
            Arm::Child => layout.child()?,
            Arm::Poll => layout.poll()?,
            Arm::Sys => layout.sys()?,
            Arm::Fault => layout.fault(signo, code)?,
            Arm::Timer => layout.timer()?,
            Arm::Rt => layout.rt()?,
            Arm::Kill => Members::Kill { pid: layout.int(16, 12)?, uid: layout.uint(20, 16)? },
        };
        let written_signo = Some(written).filter(|written| *written != signo);
        Some(Self { signo, written_signo, rest: None, code, errno, members })
    }

    /// One that tells of a child, with whatever signal that was created: by its number alone the code could be
    /// another's.
    pub(super) fn decode_of_child(layout: Layout<'_>, signo: i32) -> Option<Self> {
        Some(Self { members: layout.child()?, ..Self::decode_sent(layout, signo)? })
    }

    /// The name of its code.
    pub fn code_name(&self) -> Option<&'static str> {
        let signo =
            if matches!(self.members, Members::Child { .. }) { SIGCHLD } else { self.signo };
        si_code::name(signo, self.code)
    }
}

impl Fault {
    /// Whether a fault comes with the size of what failed (`BUS_MCEERR_AR`, `BUS_MCEERR_AO`).
    pub(super) fn has_addr_lsb(signo: i32, code: i32) -> bool {
        signo == SIGBUS && matches!(code, 4 | 5)
    }
}

impl Layout<'_> {
    fn sigval(self) -> Option<Sigval> {
        Some(Sigval { int: self.int(24, 20)?, ptr: self.word(24, 20)? })
    }

    fn timer(self) -> Option<Members> {
        Some(Members::Timer {
            timerid: self.int(16, 12)?,
            overrun: self.int(20, 16)?,
            value: self.sigval()?,
        })
    }

    fn rt(self) -> Option<Members> {
        Some(Members::Rt { pid: self.int(16, 12)?, uid: self.uint(20, 16)?, value: self.sigval()? })
    }

    fn poll(self) -> Option<Members> {
        Some(Members::Poll {
            band: Flags { table: &POLL, bits: self.word(16, 12)? },
            fd: self.int(24, 16)?,
        })
    }

    fn child(self) -> Option<Members> {
        Some(Members::Child {
            pid: self.int(16, 12)?,
            uid: self.uint(20, 16)?,
            status: self.int(24, 20)?,
            utime: self.time(32, 24, 24)?,
            stime: self.time(40, 28, 32)?,
        })
    }

    fn sys(self) -> Option<Members> {
        Some(Members::Sys {
            call_addr: self.word(16, 12)?,
            syscall: self.int(24, 16)?,
            arch: self.uint(28, 20)?,
        })
    }

    fn fault(self, signo: i32, code: i32) -> Option<Members> {
        let detail = match (signo, code) {
            _ if Fault::has_addr_lsb(signo, code) => {
                Fault::Memory { addr_lsb: self.short(24, 16)? }
            }
            (SIGSEGV, 3) => Fault::Bounds { lower: self.word(32, 20)?, upper: self.word(40, 24)? },
            (SIGSEGV, 4) => Fault::Key { pkey: self.uint(32, 20)? },
            (SIGTRAP, 6) => Fault::Perf {
                data: self.word(24, 16)?,
                kind: self.uint(32, 20)?,
                flags: Flags { table: &TRAP_PERF, bits: u64::from(self.uint(36, 24)?) },
            },
            _ => Fault::Plain,
        };
        Some(Members::Fault { addr: self.word(16, 12)?, detail })
    }
}
