//! What is told of a signal that is sent.

use core::mem::{offset_of, size_of};

use crate::{Header, Thread};

/// Bytes of a `kernel_siginfo` (`include/linux/signal_types.h`): what the kernel keeps of a siginfo.
pub const KERNEL_SIGINFO_SIZE: usize = 48;

/// A signal that is sent: a record of the kind [`Generate`](crate::RecordKind::Generate). Native byte order, no
/// padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Generate {
    /// What every record begins with.
    pub header: Header,
    /// When it was sent, in nanoseconds of `CLOCK_BOOTTIME`. What is sent to a process is so in turn, under a
    /// lock of its own, so that with the thread that the kernel names this tells it from all others.
    pub time_ns: u64,
    /// When the call was entered in which it is sent, on the same clock; 0 if that is not being traced, or if
    /// it is not sent in a call.
    pub request_ns: u64,
    /// What comes with it: a `kernel_siginfo`. Zeros with [`fact::NOINFO`] and [`fact::PRIV`].
    pub info: [u64; KERNEL_SIGINFO_SIZE / 8],
    /// What the signal does in the process: `sa_handler`, which is 0 for the default action and 1 for none.
    pub handler: u64,
    /// Of a process that was out of memory: its memory cgroup, 0 if the machine was; and how many bytes that
    /// may use.
    pub memory: [u64; 2],
    /// The first argument registers of the call that it is sent in, with [`fact::CALL`].
    pub args: [u64; 3],
    /// Whom it is sent to: the process, and the thread that the kernel names. Of what is sent to a process that
    /// can be any of its threads.
    pub target: Thread,
    /// The current thread, which need not have anything to do with it.
    pub current: Thread,
    /// Bits of [`fact`].
    pub facts: u32,
    /// The number of the system call that the current thread is in; [`NO_CALL`] if it is in none.
    pub number: u32,
    /// The signal.
    pub signal: u8,
    /// What became of it: `enum` `TRACE_SIGNAL_*` (`include/trace/events/signal.h`).
    pub outcome: u8,
    /// The [`Abi`](crate::Abi)'s number of that call.
    pub abi: u8,
    /// The row of the call that it is sent in, with [`fact::CALL`].
    pub syscall: u8,
    /// Zero.
    pub reserved: u32,
    /// When the signal was sent that it is merged into, as the same is pending already, on the clock of
    /// [`time_ns`](Self::time_ns); 0 if it is merged into none, or that is not known.
    pub merged_ns: u64,
}

/// The current thread is in no system call.
pub const NO_CALL: u32 = u32::MAX;

/// What is known of a signal that is sent: bits of [`Generate::facts`].
pub mod fact {
    /// It is sent to the process, and not to a thread.
    pub const PROCESS: u32 = 1 << 0;
    /// It comes with no siginfo, so that the kernel makes one that names the current process
    /// (`SEND_SIG_NOINFO`).
    pub const NOINFO: u32 = 1 << 1;
    /// Likewise, one that names the kernel (`SEND_SIG_PRIV`).
    pub const PRIV: u32 = 1 << 2;
    /// It is sent in a call of the current thread that is there to send it.
    pub const CALL: u32 = 1 << 3;
    /// What the current thread does is its own: it is in a system call, or ends, and no interrupt is served.
    pub const OWN: u32 = 1 << 4;
    /// The siginfo is on the current thread's stack.
    pub const OWN_INFO: u32 = 1 << 5;
    /// The current thread is the one that it is sent to.
    pub const SAME_THREAD: u32 = 1 << 6;
    /// It is of the process that it is sent to.
    pub const SAME_PROCESS: u32 = 1 << 7;
    /// It is one of the kernel's.
    pub const KERNEL_THREAD: u32 = 1 << 8;
    /// It ends.
    pub const EXITING: u32 = 1 << 9;
    /// Its process leads a session.
    pub const SESSION_LEADER: u32 = 1 << 10;
    /// It traces the target.
    pub const TRACER: u32 = 1 << 11;
    /// It is of the first process of the target's pid namespace.
    pub const NAMESPACE_INIT: u32 = 1 << 12;
    /// It is of a child of the target's.
    pub const CHILD: u32 = 1 << 13;
    /// The target asked for this signal for when its parent dies (`PR_SET_PDEATHSIG`).
    pub const DEATH_SIGNAL: u32 = 1 << 14;
    /// The interval timer of the target ran out just before: `ITIMER_REAL`, `ITIMER_VIRTUAL` or `ITIMER_PROF`.
    pub const ITIMER: u32 = 1 << 15;
    /// The kernel is freeing memory by ending processes.
    pub const OUT_OF_MEMORY: u32 = 1 << 16;
    /// The target has used up what its soft limit of processor time allows (`RLIMIT_CPU`).
    pub const CPU_LIMIT: u32 = 1 << 17;
    /// Likewise, of real-time scheduling without a call that blocks (`RLIMIT_RTTIME`).
    pub const RTTIME_LIMIT: u32 = 1 << 18;

    /// The target's thread blocks it.
    pub const BLOCKED: u32 = 1 << 20;
    /// It waits for it in rt_sigtimedwait.
    pub const AWAITED: u32 = 1 << 21;
    /// The process is the first of a pid namespace, whom signals without a handler do nothing
    /// (`SIGNAL_UNKILLABLE`).
    pub const UNKILLABLE: u32 = 1 << 22;
    /// The process is stopped.
    pub const STOPPED: u32 = 1 << 23;
    /// The thread is traced.
    pub const TRACED: u32 = 1 << 24;
    /// The signal ends the process, as the kernel has decided already.
    pub const FATAL: u32 = 1 << 25;
    /// The thread is one of the kernel's.
    pub const TO_KERNEL_THREAD: u32 = 1 << 26;
    /// The thread is not in the initial user and pid namespaces.
    pub const IN_NAMESPACE: u32 = 1 << 27;
}

const _: () = {
    assert!(offset_of!(Generate, time_ns) == 8);
    assert!(offset_of!(Generate, request_ns) == 16);
    assert!(offset_of!(Generate, info) == 24);
    assert!(offset_of!(Generate, handler) == 72);
    assert!(offset_of!(Generate, memory) == 80);
    assert!(offset_of!(Generate, args) == 96);
    assert!(offset_of!(Generate, target) == 120);
    assert!(offset_of!(Generate, current) == 184);
    assert!(offset_of!(Generate, facts) == 248);
    assert!(offset_of!(Generate, number) == 252);
    assert!(offset_of!(Generate, signal) == 256);
    assert!(offset_of!(Generate, outcome) == 257);
    assert!(offset_of!(Generate, abi) == 258);
    assert!(offset_of!(Generate, syscall) == 259);
    assert!(offset_of!(Generate, reserved) == 260);
    assert!(offset_of!(Generate, merged_ns) == 264);
    assert!(size_of::<Generate>() == 272);
};
