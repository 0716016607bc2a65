//! The syscall table.
//!
//! Numbers: `arch/x86/entry/syscalls/syscall_{64,32}.tbl`, `scripts/syscall.tbl`,
//! `arch/arm64/tools/syscall_32.tbl`. Parameter names: the `SYSCALL_DEFINE`s in `kernel/signal.c`,
//! `fs/signalfd.c` and `kernel/pid.c`, as the man pages spell them.

use crate::{
    Access, Arg, Entries, Entry, Group, Hook, Kind, Outcome, Syscall,
    syscall::Kind::{
        Fd, Handler, How, Int, OldMask, OldSigaction, OldSignalSet, Pid, Pidfd, PidfdOpenFlags,
        PidfdSignalFlags, Sigaction, Siginfo, Signal, SignalSet, SignalfdFlags, SignalfdSiginfo,
        Size, Stack, Tid, Timespec, Timespec64,
    },
};

/// The entries of a call whose structures differ for 32-bit callers, so that these have a symbol
/// of their own: native name, compat name, then the numbers.
macro_rules! compat {
    ($name:literal, $compat:literal, $x86_64:literal, $i386:literal, $aarch64:literal, $arm:literal) => {
        Entries {
            x86_64: Some(Entry { number: $x86_64, symbol: concat!("__x64_sys_", $name) }),
            i386: Some(Entry { number: $i386, symbol: concat!("__ia32_compat_sys_", $compat) }),
            x32: None,
            aarch64: Some(Entry { number: $aarch64, symbol: concat!("__arm64_sys_", $name) }),
            arm: Some(Entry { number: $arm, symbol: concat!("__arm64_compat_sys_", $compat) }),
        }
    };
}

/// The entries of a call that has one for x32 callers, too: their number and symbol, then the others.
macro_rules! and_x32 {
    ($number:literal, $x32:literal, $others:expr) => {
        Entries {
            x32: Some(Entry { number: $number, symbol: concat!("__x64_compat_sys_", $x32) }),
            ..$others
        }
    };
}

/// The entries of a call that takes 32-bit callers as they are.
macro_rules! native {
    ($name:literal, $x86_64:literal, $i386:literal, $aarch64:literal, $arm:literal) => {
        Entries {
            x86_64: Some(Entry { number: $x86_64, symbol: concat!("__x64_sys_", $name) }),
            i386: Some(Entry { number: $i386, symbol: concat!("__ia32_sys_", $name) }),
            x32: None,
            aarch64: Some(Entry { number: $aarch64, symbol: concat!("__arm64_sys_", $name) }),
            arm: Some(Entry { number: $arm, symbol: concat!("__arm64_sys_", $name) }),
        }
    };
}

/// The entries of a call without arguments: on x86 one function has the names for both kinds of
/// callers, so that a probe on each name would see every call twice. Only its number tells.
macro_rules! one_function {
    ($name:literal, $x86_64:literal, $i386:literal, $aarch64:literal, $arm:literal) => {
        Entries {
            i386: Some(Entry { number: $i386, symbol: concat!("__x64_sys_", $name) }),
            ..native!($name, $x86_64, $i386, $aarch64, $arm)
        }
    };
}

/// The entries of a call that only 32-bit callers have: their symbol on x86, their number there,
/// then both on Arm, if it has the call.
macro_rules! old {
    ($symbol:literal, $i386:literal) => {
        Entries {
            x86_64: None,
            i386: Some(Entry { number: $i386, symbol: concat!("__ia32_", $symbol) }),
            x32: None,
            aarch64: None,
            arm: None,
        }
    };
    ($symbol:literal, $i386:literal, $arm:literal) => {
        Entries {
            arm: Some(Entry { number: $arm, symbol: concat!("__arm64_", $symbol) }),
            ..old!($symbol, $i386)
        }
    };
}

/// Every syscall sigtrace knows. A record names one by its index here.
pub const SYSCALLS: &[Syscall] = &[
    Syscall {
        name: "rt_sigaction",
        summary: "examine and change what a signal does",
        entries: and_x32!(
            512,
            "rt_sigaction",
            compat!("rt_sigaction", "rt_sigaction", 13, 174, 134, 174)
        ),
        hook: Hook::Entry,
        args: &[
            value("sig", Signal),
            input("act", Sigaction),
            output("oldact", Sigaction),
            value("sigsetsize", Size),
        ],
        set_size: Some(3),
        groups: &[Group::Action],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "rt_sigprocmask",
        summary: "examine and change the calling thread's blocked signals",
        entries: compat!("rt_sigprocmask", "rt_sigprocmask", 14, 175, 135, 175),
        hook: Hook::Entry,
        args: &[
            value("how", How),
            input("set", SignalSet),
            output("oldset", SignalSet),
            value("sigsetsize", Size),
        ],
        set_size: Some(3),
        groups: &[Group::Mask],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "rt_sigreturn",
        summary: "return from a signal handler, restoring the mask of its frame",
        entries: and_x32!(
            513,
            "x32_rt_sigreturn",
            compat!("rt_sigreturn", "rt_sigreturn", 15, 173, 139, 173)
        ),
        hook: Hook::Entry,
        args: &[frame("mask", SignalSet)],
        set_size: None,
        groups: &[Group::Mask, Group::Stack],
        blocks: false,
        outcome: Outcome::Nothing,
    },
    Syscall {
        name: "rt_sigpending",
        summary: "examine which blocked signals are pending",
        entries: and_x32!(
            522,
            "rt_sigpending",
            compat!("rt_sigpending", "rt_sigpending", 127, 176, 136, 176)
        ),
        hook: Hook::Entry,
        args: &[output("set", SignalSet), value("sigsetsize", Size)],
        set_size: Some(1),
        groups: &[Group::Mask],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "rt_sigtimedwait",
        summary: "take a pending signal, waiting for one",
        entries: and_x32!(
            523,
            "rt_sigtimedwait_time64",
            compat!("rt_sigtimedwait", "rt_sigtimedwait_time32", 128, 177, 137, 177)
        ),
        hook: Hook::Entry,
        args: &[
            input("set", SignalSet),
            output("info", Siginfo),
            input("timeout", Timespec),
            value("sigsetsize", Size),
        ],
        set_size: Some(3),
        groups: &[Group::Wait],
        blocks: true,
        outcome: Outcome::Signal,
    },
    Syscall {
        name: "rt_sigqueueinfo",
        summary: "send a signal with data to a process",
        entries: and_x32!(
            524,
            "rt_sigqueueinfo",
            compat!("rt_sigqueueinfo", "rt_sigqueueinfo", 129, 178, 138, 178)
        ),
        hook: Hook::Entry,
        args: &[value("tgid", Pid), value("sig", Signal), input("info", Siginfo)],
        set_size: None,
        groups: &[Group::Send],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "rt_tgsigqueueinfo",
        summary: "send a signal with data to a thread",
        entries: and_x32!(
            536,
            "rt_tgsigqueueinfo",
            compat!("rt_tgsigqueueinfo", "rt_tgsigqueueinfo", 297, 335, 240, 363)
        ),
        hook: Hook::Entry,
        args: &[
            value("tgid", Pid),
            value("tid", Tid),
            value("sig", Signal),
            input("info", Siginfo),
        ],
        set_size: None,
        groups: &[Group::Send],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "rt_sigsuspend",
        summary: "replace the mask and wait for a signal",
        entries: compat!("rt_sigsuspend", "rt_sigsuspend", 130, 179, 133, 179),
        hook: Hook::Entry,
        args: &[input("mask", SignalSet), value("sigsetsize", Size)],
        set_size: Some(1),
        groups: &[Group::Mask, Group::Wait],
        blocks: true,
        outcome: Outcome::Restart,
    },
    Syscall {
        name: "sigaltstack",
        summary: "examine and change the stack handlers run on",
        entries: and_x32!(
            525,
            "sigaltstack",
            compat!("sigaltstack", "sigaltstack", 131, 186, 132, 186)
        ),
        hook: Hook::Entry,
        args: &[input("ss", Stack), output("old_ss", Stack)],
        set_size: None,
        groups: &[Group::Stack],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "kill",
        summary: "send a signal to a process or a process group",
        entries: native!("kill", 62, 37, 129, 37),
        hook: Hook::Entry,
        args: &[value("pid", Pid), value("sig", Signal)],
        set_size: None,
        groups: &[Group::Send],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "tkill",
        summary: "send a signal to a thread",
        entries: native!("tkill", 200, 238, 130, 238),
        hook: Hook::Entry,
        args: &[value("tid", Tid), value("sig", Signal)],
        set_size: None,
        groups: &[Group::Send],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "tgkill",
        summary: "send a signal to a thread of a process",
        entries: native!("tgkill", 234, 270, 131, 268),
        hook: Hook::Entry,
        args: &[value("tgid", Pid), value("tid", Tid), value("sig", Signal)],
        set_size: None,
        groups: &[Group::Send],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "pidfd_send_signal",
        summary: "send a signal to the process a file descriptor refers to",
        entries: native!("pidfd_send_signal", 424, 424, 424, 424),
        hook: Hook::Entry,
        args: &[
            value("pidfd", Pidfd),
            value("sig", Signal),
            input("info", Siginfo),
            value("flags", PidfdSignalFlags),
        ],
        set_size: None,
        groups: &[Group::Send, Group::Fd],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "pidfd_open",
        summary: "get a file descriptor that refers to a process",
        entries: native!("pidfd_open", 434, 434, 434, 434),
        hook: Hook::Entry,
        args: &[value("pid", Pid), value("flags", PidfdOpenFlags)],
        set_size: None,
        groups: &[Group::Fd],
        blocks: false,
        outcome: Outcome::Fd,
    },
    Syscall {
        name: "signalfd",
        summary: "get a file descriptor that signals are read from, without flags",
        // 64-bit Arm has only signalfd4.
        entries: Entries { aarch64: None, ..compat!("signalfd", "signalfd", 282, 321, 0, 349) },
        hook: Hook::Entry,
        args: &[value("fd", Fd), input("mask", SignalSet), value("sizemask", Size)],
        set_size: Some(2),
        groups: &[Group::Fd],
        blocks: false,
        outcome: Outcome::Fd,
    },
    Syscall {
        name: "signalfd4",
        summary: "get a file descriptor that signals are read from, or change its mask",
        entries: compat!("signalfd4", "signalfd4", 289, 327, 74, 355),
        hook: Hook::Entry,
        args: &[
            value("fd", Fd),
            input("mask", SignalSet),
            value("sizemask", Size),
            value("flags", SignalfdFlags),
        ],
        set_size: Some(2),
        groups: &[Group::Fd],
        blocks: false,
        outcome: Outcome::Fd,
    },
    Syscall {
        name: "pause",
        summary: "wait for a signal",
        // 64-bit Arm has no such call.
        entries: Entries { aarch64: None, ..one_function!("pause", 34, 29, 0, 29) },
        hook: Hook::Entry,
        args: &[],
        set_size: None,
        groups: &[Group::Wait],
        blocks: true,
        outcome: Outcome::Restart,
    },
    Syscall {
        name: "restart_syscall",
        summary: "resume a call that a stop interrupted",
        entries: one_function!("restart_syscall", 219, 0, 128, 0),
        hook: Hook::Entry,
        args: &[],
        set_size: None,
        groups: &[Group::Wait],
        blocks: true,
        outcome: Outcome::Restart,
    },
    Syscall {
        name: "read",
        summary: "take pending signals from a signalfd (no other reads are traced)",
        entries: native!("read", 0, 3, 63, 3),
        // The one before 6.10 has no iterator. Both see readv and io_uring, too.
        hook: Hook::Function(&["signalfd_read_iter", "signalfd_read"]),
        args: &[
            found("fd", Fd),
            found("mask", SignalSet),
            output("siginfo", SignalfdSiginfo),
            value("count", Size),
        ],
        set_size: None,
        groups: &[Group::Wait, Group::Fd],
        blocks: true,
        outcome: Outcome::Bytes,
    },
    Syscall {
        name: "signal",
        summary: "set what a signal does, as in early Unix",
        entries: old!("sys_signal", 48),
        hook: Hook::Entry,
        args: &[value("sig", Signal), value("handler", Handler), returned("oldhandler", Handler)],
        set_size: None,
        groups: &[Group::Action],
        blocks: false,
        outcome: Outcome::Handler,
    },
    Syscall {
        name: "sigaction",
        summary: "examine and change what one of the first 32 signals does",
        entries: old!("compat_sys_sigaction", 67, 67),
        hook: Hook::Entry,
        args: &[value("sig", Signal), input("act", OldSigaction), output("oldact", OldSigaction)],
        set_size: None,
        groups: &[Group::Action],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "sigprocmask",
        summary: "examine and change which of the first 32 signals are blocked",
        entries: old!("compat_sys_sigprocmask", 126, 126),
        hook: Hook::Entry,
        args: &[value("how", How), input("set", OldSignalSet), output("oldset", OldSignalSet)],
        set_size: None,
        groups: &[Group::Mask],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "sigpending",
        summary: "examine which of the first 32 signals are pending",
        entries: old!("compat_sys_sigpending", 73, 73),
        hook: Hook::Entry,
        args: &[output("set", OldSignalSet)],
        set_size: None,
        groups: &[Group::Mask],
        blocks: false,
        outcome: Outcome::Status,
    },
    Syscall {
        name: "sigsuspend",
        summary: "replace the mask of the first 32 signals and wait for a signal",
        entries: old!("sys_sigsuspend", 72, 72),
        hook: Hook::Entry,
        args: &[value("unused1", Int), value("unused2", Int), value("mask", OldMask)],
        set_size: None,
        groups: &[Group::Mask, Group::Wait],
        blocks: true,
        outcome: Outcome::Restart,
    },
    Syscall {
        name: "sgetmask",
        summary: "examine which of the first 32 signals are blocked",
        entries: old!("sys_sgetmask", 68),
        hook: Hook::Entry,
        args: &[returned("mask", OldMask)],
        set_size: None,
        groups: &[Group::Mask],
        blocks: false,
        outcome: Outcome::Mask,
    },
    Syscall {
        name: "ssetmask",
        summary: "set which of the first 32 signals are blocked",
        entries: old!("sys_ssetmask", 69),
        hook: Hook::Entry,
        args: &[value("newmask", OldMask), returned("oldmask", OldMask)],
        set_size: None,
        groups: &[Group::Mask],
        blocks: false,
        outcome: Outcome::Mask,
    },
    Syscall {
        name: "sigreturn",
        summary: "return from a signal handler without siginfo, restoring the mask of its frame",
        entries: old!("compat_sys_sigreturn", 119, 119),
        hook: Hook::Entry,
        args: &[frame("mask", SignalSet)],
        set_size: None,
        groups: &[Group::Mask, Group::Stack],
        blocks: false,
        outcome: Outcome::Nothing,
    },
    Syscall {
        name: "rt_sigtimedwait_time64",
        summary: "take a pending signal, waiting for one until after 2038",
        entries: old!("compat_sys_rt_sigtimedwait_time64", 421, 421),
        hook: Hook::Entry,
        args: &[
            input("set", SignalSet),
            output("info", Siginfo),
            input("timeout", Timespec64),
            value("sigsetsize", Size),
        ],
        set_size: Some(3),
        groups: &[Group::Wait],
        blocks: true,
        outcome: Outcome::Signal,
    },
];

/// The row and its index of the syscall called `name`.
pub fn find(name: &str) -> Option<(usize, &'static Syscall)> {
    SYSCALLS.iter().enumerate().find(|(_, syscall)| syscall.name == name)
}

const fn value(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, access: Access::Value }
}

const fn input(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, access: Access::In }
}

const fn output(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, access: Access::Out }
}

const fn frame(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, access: Access::Frame }
}

const fn found(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, access: Access::Kernel }
}

const fn returned(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, access: Access::Returned }
}
