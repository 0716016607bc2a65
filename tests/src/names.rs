//! Names of numbers, for stating expectations. Few and plain: what sigtrace has tables for is
//! written out where a workload states it.

use serde_json::{Value, json};

/// Standard signals from 1 on.
const SIGNALS: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// The name of a signal, null if it is none.
pub fn signal(signo: i32) -> Value {
    match signo {
        1..=31 => json!(SIGNALS[signo.unsigned_abs() as usize - 1]),
        32 | 33 => json!(format!("SIG{signo}")),
        34 => json!("SIGRTMIN"),
        35..=64 => json!(format!("SIGRTMIN+{}", signo - 34)),
        _ => Value::Null,
    }
}

/// The set with these bits: signal n is bit n - 1.
pub fn set(bits: u64) -> Value {
    (1..=64).filter(|signo| bits >> (signo - 1) & 1 != 0).map(signal).collect()
}

/// The bits of the set of these signals.
pub fn bits(signals: &[i32]) -> u64 {
    signals.iter().fold(0, |bits, signo| bits | 1 << (signo - 1))
}

/// The flags set in `bits` by name, then what has no name.
pub fn flags(bits: u64, names: &[(u64, &str)]) -> Value {
    let known = names.iter().filter(|(bit, _)| bits & bit != 0);
    let rest = names.iter().fold(bits, |rest, (bit, _)| rest & !bit);
    let rest = (rest != 0).then(|| json!(hex(rest)));
    known.map(|(_, name)| json!(name)).chain(rest).collect()
}

/// `SA_*`, in the order sigtrace shows them.
pub const SA: &[(u64, &str)] = &[
    (0x0400_0000, "SA_RESTORER"),
    (0x0800_0000, "SA_ONSTACK"),
    (0x1000_0000, "SA_RESTART"),
    (0x2000_0000, "SA_INTERRUPT"),
    (0x4000_0000, "SA_NODEFER"),
    (0x8000_0000, "SA_RESETHAND"),
    (4, "SA_SIGINFO"),
    (1, "SA_NOCLDSTOP"),
    (2, "SA_NOCLDWAIT"),
    (0x400, "SA_UNSUPPORTED"),
    (0x800, "SA_EXPOSE_TAGBITS"),
    (0x0080_0000, "SA_IMMUTABLE"),
    (0x0100_0000, "SA_X32_ABI"),
    (0x0200_0000, "SA_IA32_ABI"),
];

/// `SS_*`.
pub const SS: &[(u64, &str)] =
    &[(1, "SS_ONSTACK"), (2, "SS_DISABLE"), (0x8000_0000, "SS_AUTODISARM")];

/// `SFD_*`.
pub const SFD: &[(u64, &str)] = &[(0x800, "SFD_NONBLOCK"), (0x8_0000, "SFD_CLOEXEC")];

/// Flags of pidfd_open.
pub const PIDFD: &[(u64, &str)] = &[(0x800, "PIDFD_NONBLOCK"), (0x80, "PIDFD_THREAD")];

/// Flags of pidfd_send_signal.
pub const PIDFD_SIGNAL: &[(u64, &str)] = &[
    (1, "PIDFD_SIGNAL_THREAD"),
    (2, "PIDFD_SIGNAL_THREAD_GROUP"),
    (4, "PIDFD_SIGNAL_PROCESS_GROUP"),
];

/// `POLL*`, as `si_band` has them.
pub const POLL: &[(u64, &str)] = &[
    (1, "POLLIN"),
    (2, "POLLPRI"),
    (4, "POLLOUT"),
    (8, "POLLERR"),
    (0x10, "POLLHUP"),
    (0x20, "POLLNVAL"),
    (0x40, "POLLRDNORM"),
    (0x80, "POLLRDBAND"),
    (0x100, "POLLWRNORM"),
    (0x200, "POLLWRBAND"),
    (0x400, "POLLMSG"),
    (0x2000, "POLLRDHUP"),
];

/// An address, null if it is 0.
pub fn pointer(address: u64) -> Value {
    if address == 0 { Value::Null } else { json!(hex(address)) }
}

/// A number as addresses and masks are written.
pub fn hex(number: u64) -> String {
    format!("{number:#x}")
}

/// The name of the error that a kernel function returns with `ret`.
pub fn error(ret: i64) -> Option<&'static str> {
    Some(match -ret {
        1 => "EPERM",
        2 => "ENOENT",
        3 => "ESRCH",
        4 => "EINTR",
        7 => "E2BIG",
        9 => "EBADF",
        11 => "EAGAIN",
        12 => "ENOMEM",
        14 => "EFAULT",
        22 => "EINVAL",
        512 => "ERESTARTSYS",
        514 => "ERESTARTNOHAND",
        516 => "ERESTART_RESTARTBLOCK",
        _ if (-4095..0).contains(&ret) => panic!("{ret} is an error without a name here: add it"),
        _ => return None,
    })
}
